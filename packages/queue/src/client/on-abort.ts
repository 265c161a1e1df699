/** One listener for each signal, however many calls share it: a thousand listeners on one signal are a warning and a leak. */

const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls back when the signal aborts. @returns what takes the callback away again */
export const onAbort = (signal: AbortSignal | undefined, callback: () => void): (() => void) => {
  if (signal === undefined) return () => undefined;
  let callbacks = listeners.get(signal);
  if (callbacks === undefined) {
    const made = new Set<() => void>();
    callbacks = made;
    listeners.set(signal, made);
    signal.addEventListener(
      'abort',
      () => {
        listeners.delete(signal);
        for (const call of made) call();
      },
      { once: true },
    );
  }
  const own = callbacks;
  own.add(callback);
  return () => void own.delete(callback);
};
