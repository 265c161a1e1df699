/** One listener for each signal, however many calls share it: a thousand listeners on one signal are a warning and a leak. */

export interface AbortListener {
  onAbort(): void;
}

const listeners = new WeakMap<AbortSignal, Set<AbortListener>>();
const ONCE = { once: true } as const;

/** Has the listener told when the signal aborts. */
export const listen = (signal: AbortSignal, listener: AbortListener): void => {
  let all = listeners.get(signal);
  if (all === undefined) {
    all = new Set();
    listeners.set(signal, all);
    signal.addEventListener('abort', () => tellAll(signal), ONCE);
  }
  all.add(listener);
};

export const unlisten = (signal: AbortSignal, listener: AbortListener): void => {
  listeners.get(signal)?.delete(listener);
};

/** How many are told when the signal aborts. */
export const listening = (signal: AbortSignal): number => listeners.get(signal)?.size ?? 0;

const tellAll = (signal: AbortSignal): void => {
  const all = listeners.get(signal);
  listeners.delete(signal);
  for (const listener of all ?? []) listener.onAbort();
};
