/** One wait for a call's outcome, bounded by the options of `result()`. The same for every place that calls run in. */
import { type Duration, parseDuration, setLongTimeout } from '@flamejs/protocol/duration';
import { FlameWaitTimeoutError } from '@flamejs/protocol/errors';
import type { Outcome } from '@flamejs/protocol/outcome';
import { type AbortListener, listen, unlisten } from './abort-listeners.ts';
import type { Settler } from './pending.ts';
import { type Reading, settleWith, withCallSite } from './settle-with.ts';

/** Bounds of one `handle.result()`; the call itself goes on. */
export interface ResultOptions {
  /** Bounds this wait alone; the call goes on. Default: no bound beside the call's own. */
  readonly timeout?: Duration;
  /** Ends this wait alone, with the signal's reason; the call goes on. */
  readonly signal?: AbortSignal;
}

/** Where outcomes come from. Both are told the same settler, and `leave` exactly once for each `join`. */
export interface Joinable {
  join(settler: Settler): void;
  leave(settler: Settler): void;
}

/** @throws FlameWaitTimeoutError, the signal's reason, or what the call's place rejects with; FlameConfigError for a bad duration */
export const awaitOutcome = (id: string, { timeout, signal }: ResultOptions, place: Joinable): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timeoutMs = timeout === undefined ? undefined : parseDuration(timeout, 'timeout');
    const settler: Settler & AbortListener = {
      resolve(outcome) {
        done();
        resolve(outcome);
      },
      reject(error) {
        done();
        reject(error);
      },
      onAbort: () => settler.reject(signal?.reason),
    };
    const onTimeout = (timeoutMs: number): void => {
      const message = `call ${id} had no outcome after the ${timeoutMs} ms that result() was to wait; the call goes on`;
      settler.reject(new FlameWaitTimeoutError(message, { callId: id, timeoutMs }));
    };
    const timer = timeoutMs === undefined ? undefined : setLongTimeout(() => onTimeout(timeoutMs), timeoutMs);
    const done = (): void => {
      timer?.clear();
      if (signal !== undefined) unlisten(signal, settler);
      place.leave(settler);
    };
    if (signal !== undefined) listen(signal, settler);
    place.join(settler);
  });

/** As `awaitOutcome`, and decodes it. Errors end with the frames of whoever asked; the signal's reason stays as it is. */
export const awaitValue = async (
  id: string,
  options: ResultOptions,
  reading: Reading,
  place: Joinable,
): Promise<unknown> => {
  const local = new Error();
  let outcome: Outcome;
  try {
    outcome = await awaitOutcome(id, options, place);
  } catch (error) {
    throw error === options.signal?.reason ? error : withCallSite(error, local);
  }
  return new Promise((resolve, reject) => settleWith(outcome, reading, local, resolve, reject));
};
