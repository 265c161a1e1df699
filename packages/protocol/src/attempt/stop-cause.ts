/** Why an attempt is stopped by us. */
import type { FlameError } from '../errors/index.ts';

export type StopCause =
  /** Asks the function to end; its executor is killed after the grace. */
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'queue-timeout' }
  /** Its items cannot be stored, or nobody takes them. */
  | { readonly kind: 'stream'; readonly error: FlameError }
  /** Kills at once. */
  | { readonly kind: 'superseded' }
  | { readonly kind: 'out-of-contact' }
  | { readonly kind: 'shutdown'; readonly reason: string };

/** Whether it kills at once, whatever the function does. */
export const isAbrupt = (cause: StopCause): boolean =>
  cause.kind === 'superseded' || cause.kind === 'out-of-contact' || cause.kind === 'shutdown';
