/** One backend's list of instances: asked for at most once a tick for all pools, and whole or not at all. */
import type { Backend, Instance } from '@flamejs/queue';
import { bounded, type Clock } from '../clock.ts';
import { isOwn } from '../record/runner-id.ts';

export interface Listing {
  readonly seq: number;
  /** Monotonic ms at which it was asked for; what changed later may be missing from it. */
  readonly startedAt: number;
  /** Only instances of this controller's own deployment. */
  readonly instances: readonly Instance[];
}

export interface Lister {
  /** @returns a listing not older than `maxAgeMs`, or `null` when the provider cannot be read. */
  get(maxAgeMs: number): Promise<Listing | null>;
  /** Why the last attempt failed; `null` after one that worked. */
  error(): string | null;
}

export interface ListerOptions {
  readonly backend: Backend;
  readonly app: string;
  readonly owner: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

export const createLister = ({ backend, app, owner, clock, timeoutMs }: ListerOptions): Lister => {
  let newest: Listing | null = null;
  let underWay: { readonly startedAt: number; readonly result: Promise<Listing | null> } | null = null;
  let seq = 0;
  let failure: string | null = null;

  const ask = async (startedAt: number): Promise<Listing | null> => {
    try {
      const all = await bounded(clock, timeoutMs, `${backend.name}.list`, (signal) => backend.list(app, signal));
      seq += 1;
      failure = null;
      newest = { seq, startedAt, instances: all.filter(({ runnerId }) => isOwn(runnerId, owner)) };
      return newest;
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      // An old list must not pass for a new one at the next kick.
      newest = null;
      return null;
    } finally {
      underWay = null;
    }
  };

  return {
    async get(maxAgeMs) {
      const now = clock.mono();
      if (newest !== null && now - newest.startedAt <= maxAgeMs) return newest;
      if (underWay !== null && now - underWay.startedAt <= maxAgeMs) return underWay.result;
      const result = ask(now);
      underWay = { startedAt: now, result };
      return result;
    },
    error: () => failure,
  };
};
