/** Time as the loop sees it, so that tests can run a day in a second. */

export interface Clock {
  /** Monotonic milliseconds; the only source of durations. */
  mono(): number;
  /** Calls back once; returns what cancels it. */
  after(ms: number, fn: () => void): () => void;
  /** A number from 0 to 1, for jitter: the one other thing in the loop that a test cannot repeat. */
  random(): number;
}

export const systemClock: Clock = {
  mono: () => performance.now(),
  after: (ms, fn) => {
    const timer = setTimeout(fn, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Rejects when `work` takes longer than `ms`; its signal is aborted then. The work itself may still go on. */
export const bounded = async <T>(
  clock: Clock,
  ms: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const controller = new AbortController();
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => {
      const error = new TimeLimitError(`${what} did not answer within ${ms} ms`);
      reject(error);
      controller.abort(error);
    });
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    cancel();
  }
};

/** Internal: what `bounded` throws. The outcome of the work is unknown. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}
