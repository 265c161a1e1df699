/** Keeps a function that reports in a tight loop from flooding its runner. */

/** So many messages pass at once; then one per interval, the newest. */
const BURST = 100;
const INTERVAL_MS = 50;

export interface Throttle<T> {
  send(value: T): void;
  /** Sends what is held back. */
  flush(): void;
}

/** A token bucket that holds back only the newest value: each replaces the one before. Works without timers, too. */
export const createThrottle = <T>(
  deliver: (value: T) => void,
  now: () => number = () => performance.now(),
): Throttle<T> => {
  let tokens = BURST;
  /** Since the first message: most calls send none. */
  let refilledAt: number | undefined;
  let held: { readonly value: T } | undefined;
  let timer: NodeJS.Timeout | undefined;

  const take = (): boolean => {
    refilledAt ??= now();
    const gained = Math.floor((now() - refilledAt) / INTERVAL_MS);
    if (gained > 0) {
      tokens = Math.min(BURST, tokens + gained);
      refilledAt += gained * INTERVAL_MS;
    }
    if (tokens === 0) return false;
    tokens -= 1;
    return true;
  };
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (held === undefined) return;
    const { value } = held;
    held = undefined;
    deliver(value);
  };

  return {
    send: (value) => {
      if (take()) {
        held = undefined;
        return deliver(value);
      }
      held = { value };
      timer ??= setTimeout(flush, INTERVAL_MS).unref();
    },
    flush,
  };
};
