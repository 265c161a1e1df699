/**
 * The time of inline mode in tests: the system's, plus what a test adds. Timeouts, deadlines, delays, waits between attempts and
 * the keeping of results follow it; what functions themselves wait for does not.
 */
import { type Duration, type LongTimeout, parseDuration, setLongTimeout } from '@flamejs/protocol/duration';

/** Time, as calls of inline mode see it. */
export interface Clock {
  /** Epoch ms, as calls see it. */
  now(): number;
  /**
   * Moves time on: what is due by then happens in its order, each after what the earlier ones have led to.
   * @returns when all that is due has begun. With fake timers of a test runner, too: they are not needed for it.
   */
  advance(by: Duration): Promise<void>;
  /** Time is the system's again. */
  reset(): void;
}

export interface TestClock extends Clock {
  timer(fn: () => void, ms: number): LongTimeout;
}

// Taken before a test runner can put fakes in their place.
const { setImmediate } = globalThis;
const dateNow = Date.now;

/** How many rounds of the event loop what is due may take to schedule what follows from it. */
const ROUNDS = 3;

export const createClock = (): TestClock => {
  let aheadMs = 0;
  const armed = new Set<Armed>();
  const now = (): number => dateNow() + aheadMs;

  const advance = async (by: Duration): Promise<void> => {
    const ms = parseDuration(by, 'clock.advance');
    // What was asked for before is armed by now.
    await settle();
    const until = now() + ms;
    for (;;) {
      const [next] = [...armed].filter(({ dueAt }) => dueAt <= until).sort((a, b) => a.dueAt - b.dueAt);
      if (next === undefined) break;
      aheadMs = Math.max(aheadMs, next.dueAt - dateNow());
      next.fire();
      await settle();
    }
    aheadMs = Math.max(aheadMs, until - dateNow());
  };

  return {
    now,
    advance,
    reset: () => {
      aheadMs = 0;
    },
    timer(fn, ms) {
      // Beside the real time, which goes on: whichever comes first.
      const entry: Armed = {
        dueAt: now() + ms,
        fire() {
          armed.delete(entry);
          real.clear();
          fn();
        },
      };
      armed.add(entry);
      const real = setLongTimeout(() => entry.fire(), ms);
      const handle: LongTimeout = {
        clear() {
          armed.delete(entry);
          real.clear();
        },
        unref() {
          real.unref();
          return handle;
        },
      };
      return handle;
    },
  };
};

interface Armed {
  readonly dueAt: number;
  fire(): void;
}

const settle = async (): Promise<void> => {
  for (let round = 0; round < ROUNDS; round += 1) await new Promise<void>((resolve) => setImmediate(resolve));
};
