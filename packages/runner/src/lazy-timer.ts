/**
 * One timer that is set anew all the time: mostly for about as long as before, and mostly cleared before it is due. Setting it costs a
 * look at the clock; only when a timer of Node's is due too late, one is made.
 */

export interface LazyTimer {
  /** Calls `fn` once, `ms` from now (`Infinity`: never), in the place of what was set before. Never early. */
  set(fn: () => void, ms: number): void;
  clear(): void;
  /** Lets go of the timer itself. */
  stop(): void;
}

/** The longest that one `setTimeout` can hold; a longer one fires after 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const createLazyTimer = (): LazyTimer => {
  let wanted: (() => void) | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let firesAt = Number.POSITIVE_INFINITY;

  const arm = (): void => {
    if (dueAt >= firesAt || dueAt === Number.POSITIVE_INFINITY) return;
    clearTimeout(timer);
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(dueAt - performance.now())));
    firesAt = dueAt;
    timer = setTimeout(fire, ms);
  };

  const fire = (): void => {
    timer = undefined;
    firesAt = Number.POSITIVE_INFINITY;
    // Node's timers run on a clock cut to whole milliseconds; and what it was set for may be over, or be due later.
    if (performance.now() < dueAt) {
      arm();
      return;
    }
    const fn = wanted;
    wanted = undefined;
    dueAt = Number.POSITIVE_INFINITY;
    fn?.();
  };

  return {
    set(fn, ms) {
      wanted = fn;
      dueAt = performance.now() + ms;
      arm();
    },
    clear() {
      wanted = undefined;
      dueAt = Number.POSITIVE_INFINITY;
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
      firesAt = Number.POSITIVE_INFINITY;
      wanted = undefined;
      dueAt = Number.POSITIVE_INFINITY;
    },
  };
};
