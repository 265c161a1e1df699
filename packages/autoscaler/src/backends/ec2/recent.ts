/**
 * Machines that this process has just launched. EC2's index shows a new machine late, by tag later than by id; until it
 * has caught up, our own knowledge fills the gap, or the list would claim that a machine is missing.
 */
import type { Instance } from '@flamejs/queue';

/** EC2 advises to allow minutes; after them a machine that no list shows is gone. */
export const GRACE_MS = 120_000;

export interface Recent {
  add(app: string, instance: Instance): void;
  /** Launched within the grace. */
  has(id: string): boolean;
  /** Those of an app that `seen` lacks. */
  missing(app: string, seen: ReadonlySet<string>): readonly Instance[];
  /** It was seen to be gone. */
  remove(id: string): void;
}

/** @param now monotonic milliseconds */
export const createRecent = (now: () => number): Recent => {
  const entries = new Map<string, { app: string; instance: Instance; until: number }>();
  const fresh = (): [string, { app: string; instance: Instance; until: number }][] => {
    for (const [id, { until }] of entries) if (until <= now()) entries.delete(id);
    return [...entries];
  };
  return {
    add: (app, instance) => {
      entries.set(instance.id, { app, instance, until: now() + GRACE_MS });
    },
    has: (id) => fresh().some(([known]) => known === id),
    missing: (app, seen) =>
      fresh()
        .filter(([id, entry]) => entry.app === app && !seen.has(id))
        .map(([, { instance }]) => instance),
    remove: (id) => {
      entries.delete(id);
    },
  };
};
