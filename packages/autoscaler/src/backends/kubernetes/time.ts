/** Monotonic time, so that the tests can let hours pass. */
export interface Time {
  /** Milliseconds since some moment. */
  now(): number;
  /** @returns what calls it off */
  after(ms: number, fn: () => void): () => void;
  /** @throws the signal's reason when that comes first */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const realTime: Time = {
  now: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) => sleepOn(realTime, ms, signal),
};

export const sleepOn = (time: Pick<Time, 'after'>, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const abort = (): void => {
      stop();
      reject(signal.reason);
    };
    const stop = time.after(ms, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
