/** For how long a runner has executed nothing, by its own record of its last call's end: what `idleShutdownAfter` goes by. */

export interface IdleClock {
  /** @param active calls that it holds now; 0 starts the clock anew */
  note(active: number): void;
  /** Milliseconds on the monotonic clock; `null` while it holds a call, and before the first note. */
  ms(): number | null;
}

export const createIdleClock = (): IdleClock => {
  let since: number | null = null;
  return {
    note(active) {
      since = active > 0 ? null : performance.now();
    },
    ms: () => (since === null ? null : performance.now() - since),
  };
};
