/** Machines that have left Fly's list: each is looked at once, for how it ended, and remembered for as long as somebody may ask. */
import type { Instance } from '@flamejs/queue';

export interface Ended {
  /** @param listed what Fly lists of an app now @returns those that it listed before and does not any more */
  note(
    app: string,
    listed: readonly Instance[],
    lookUp: (id: string) => Promise<Instance>,
  ): Promise<readonly Instance[]>;
}

const KEEP_MS = 10 * 60_000;
/** Look-ups in one list: Fly allows few requests a second. */
const AT_ONCE = 10;

/** @param now monotonic milliseconds */
export const createEnded = (now: () => number): Ended => {
  const before = new Map<string, ReadonlySet<string>>();
  const ended = new Map<string, { readonly app: string; readonly instance: Instance; readonly until: number }>();
  return {
    async note(app, listed, lookUp) {
      for (const [id, { until }] of ended) if (until <= now()) ended.delete(id);
      const present = new Set(listed.map(({ id }) => id));
      const left = [...(before.get(app) ?? [])].filter((id) => !present.has(id) && !ended.has(id));
      const looked = left.slice(0, AT_ONCE);
      // Those that were not looked at have their turn at the next list.
      before.set(app, new Set([...present, ...left.slice(AT_ONCE)]));
      for (const found of await Promise.allSettled(looked.map(lookUp))) {
        // Whoever cannot be asked is absent, as before.
        if (found.status === 'rejected' || found.value.state !== 'gone') continue;
        ended.set(found.value.id, { app, instance: found.value, until: now() + KEEP_MS });
      }
      return [...ended.values()].filter((each) => each.app === app).map(({ instance }) => instance);
    },
  };
};
