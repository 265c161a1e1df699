/** Time that passes only when it is told to: for the simulator, and for tests that run a day in a second. */
import type { Clock } from '../clock.ts';
import { seeded } from './random.ts';

export interface VirtualClock extends Clock {
  /** Lets time pass; timers fire in order, and what they set in motion runs before the next one fires. */
  advance(ms: number): Promise<void>;
  /**
   * Calls back once, like `after`, for what is over when it returns: nobody waits for promises to settle then, which makes
   * a million calls a matter of seconds. It must start nothing that goes on by itself.
   */
  at(time: number, fn: () => void): void;
}

/** Everything that can run without time passing has run: promise chains end before the next turn of the event loop. */
export const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Timer {
  readonly time: number;
  readonly order: number;
  readonly fn: () => void;
  readonly settles: boolean;
  cancelled: boolean;
}

/** @param startAt what `mono` says at the beginning; above zero, since the loop takes zero for "never" */
export const virtualClock = (startAt = 1_000): VirtualClock => {
  let now = startAt;
  let order = 0;
  const timers = heap();
  const add = (time: number, fn: () => void, settles: boolean): Timer => {
    order += 1;
    const timer: Timer = { time: Math.max(now, time), order, fn, settles, cancelled: false };
    timers.push(timer);
    return timer;
  };

  return {
    mono: () => now,
    // The same every time, so that a history that fails can be made shorter, and a simulation repeated.
    random: seeded(1),
    after(ms, fn) {
      const timer = add(now + Math.max(0, ms), fn, true);
      return () => {
        timer.cancelled = true;
      };
    },
    at(time, fn) {
      add(time, fn, false);
    },
    async advance(ms) {
      const until = now + ms;
      await quiet();
      for (let due = timers.first(); due !== undefined && due.time <= until; due = timers.first()) {
        timers.shift();
        if (due.cancelled) continue;
        now = Math.max(now, due.time);
        due.fn();
        if (due.settles) await quiet();
      }
      now = until;
    },
  };
};

const isBefore = (a: Timer, b: Timer): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

/** A binary heap: those who wait are as many as there are calls under way. */
const heap = () => {
  const items: Timer[] = [];
  const swap = (i: number, j: number): void => {
    const item = items[i] as Timer;
    items[i] = items[j] as Timer;
    items[j] = item;
  };
  const before = (i: number, j: number): boolean =>
    i < items.length && j < items.length && isBefore(items[i] as Timer, items[j] as Timer);

  return {
    first: (): Timer | undefined => items[0],
    push(timer: Timer): void {
      items.push(timer);
      for (let i = items.length - 1; i > 0 && before(i, (i - 1) >> 1); i = (i - 1) >> 1) swap(i, (i - 1) >> 1);
    },
    shift(): void {
      swap(0, items.length - 1);
      items.pop();
      for (let i = 0; ; ) {
        const child = before(2 * i + 2, 2 * i + 1) ? 2 * i + 2 : 2 * i + 1;
        if (!before(child, i)) return;
        swap(i, child);
        i = child;
      }
    },
  };
};
