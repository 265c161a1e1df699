/** Time in which this process was awake. Pure but for the monotonic clock. */

export interface AwakeClock {
  /** @returns awake milliseconds so far; to be asked at least once in each `longestStepMs` */
  ms(): number;
}

/**
 * Whoever stood still himself (a laptop that sleeps, SIGSTOP, a blocked event loop) has not heard others be silent, so that
 * time counts for no judgement about them. A clock cannot tell it, but a gap between two looks can.
 * @param longestStepMs what counts at most between two looks
 * @param now monotonic milliseconds
 */
export const createAwakeClock = (longestStepMs: number, now: () => number = () => performance.now()): AwakeClock => {
  let last = now();
  let total = 0;
  return {
    ms() {
      const at = now();
      total += Math.min(Math.max(0, at - last), longestStepMs);
      last = at;
      return total;
    },
  };
};
