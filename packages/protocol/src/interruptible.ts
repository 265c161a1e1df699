/** A wait that can be given up without ending what it waits for: the next wait goes on with it. */

export interface Interruptible<T> {
  /** @returns what `start` brings, or the empty value after an interruption. */
  run(start: () => Promise<T>): Promise<T>;
  /** @param late is given what a wait that was given up brings in the end, unless somebody waits for it again by then */
  interrupt(late: (value: T) => void): void;
}

export const createInterruptible = <T>(empty: T): Interruptible<T> => {
  let pending: Promise<T> | undefined;
  let giveUp: (() => void) | undefined;
  let late: ((value: T) => void) | undefined;

  const begin = (start: () => Promise<T>): Promise<T> => {
    const begun = start().finally(() => {
      pending = undefined;
    });
    begun.then(
      (value) => late?.(value),
      () => undefined,
    );
    return begun;
  };

  return {
    async run(start) {
      late = undefined;
      pending ??= begin(start);
      const interrupted = new Promise<T>((resolve) => {
        giveUp = () => resolve(empty);
      });
      try {
        return await Promise.race([pending, interrupted]);
      } finally {
        giveUp = undefined;
      }
    },
    interrupt(onLate) {
      if (giveUp === undefined) return;
      late = onLate;
      giveUp();
    },
  };
};
