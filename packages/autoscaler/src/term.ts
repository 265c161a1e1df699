/** One period of leadership. Everything that acts holds a term and stops with it. */

export interface Term {
  readonly epoch: number;
  /** The controller's clock: Redis' time at the election, then monotonic. Times in records are of this clock. */
  now(): number;
  /** Still leading, by the lease's own bound: asked right before every call that changes something at a provider. */
  leads(): boolean;
  /** A write was refused because a newer leader exists. */
  depose(reason: string): void;
}
