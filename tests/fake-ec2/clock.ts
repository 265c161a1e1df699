/** Time of the fake cloud. Virtual time moves only by `advance`, so a day passes in a test without waiting (knob j). */
export interface Clock {
  now(): number;
  /** Runs `fn` after `ms` of this clock's time. @returns a function that cancels. */
  after(ms: number, fn: () => void): () => void;
}

export interface VirtualClock extends Clock {
  /** Moves time, running what falls due in order. */
  advance(ms: number): void;
}

export const realClock = (): Clock => ({
  now: () => Date.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
});

export const virtualClock = (start = Date.UTC(2026, 0, 1)): VirtualClock => {
  let now = start;
  let order = 0;
  const due = new Map<number, { at: number; fn: () => void }>();
  const next = (until: number): [number, { at: number; fn: () => void }] | undefined =>
    [...due].filter(([, entry]) => entry.at <= until).sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
  return {
    now: () => now,
    after: (ms, fn) => {
      const id = order++;
      due.set(id, { at: now + ms, fn });
      return () => due.delete(id);
    },
    advance: (ms) => {
      const until = now + ms;
      for (let found = next(until); found !== undefined; found = next(until)) {
        due.delete(found[0]);
        now = Math.max(now, found[1].at);
        found[1].fn();
      }
      now = until;
    },
  };
};
