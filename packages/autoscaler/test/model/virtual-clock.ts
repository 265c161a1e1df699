/** Time that passes only when it is told to. */
import type { Clock } from '../../src/clock.ts';

export interface VirtualClock extends Clock {
  /** Lets time pass; timers fire in order, and what they set in motion runs before the next one fires. */
  advance(ms: number): Promise<void>;
}

/** Everything that can run without time passing has run: promise chains end before the next turn of the event loop. */
export const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const virtualClock = (): VirtualClock => {
  let now = 1_000;
  let order = 0;
  let seed = 1;
  const timers = new Map<number, { readonly at: number; readonly fn: () => void }>();
  const nextDue = (until: number): [number, { readonly at: number; readonly fn: () => void }] | undefined => {
    let first: [number, { readonly at: number; readonly fn: () => void }] | undefined;
    for (const entry of timers)
      if (entry[1].at <= until && (first === undefined || entry[1].at < first[1].at)) first = entry;
    return first;
  };

  return {
    mono: () => now,
    // The same every time, so that a history that fails can be made shorter.
    random: () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    },
    after(ms, fn) {
      order += 1;
      const id = order;
      timers.set(id, { at: now + Math.max(0, ms), fn });
      return () => void timers.delete(id);
    },
    async advance(ms) {
      const until = now + ms;
      await quiet();
      for (let due = nextDue(until); due !== undefined; due = nextDue(until)) {
        timers.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].fn();
        await quiet();
      }
      now = until;
    },
  };
};
