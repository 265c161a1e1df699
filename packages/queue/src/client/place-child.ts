/**
 * Long-lived functions: a child holds its slot until it ends or is stopped, and its runner does not idle out meanwhile.
 * The function says when it is up by `context().ready()`.
 */
import { isReadyMark } from '../ready.ts';
import type { CallHandle } from './handle.ts';

export interface Child<Result> {
  readonly id: string;
  /** What the function passed to `context().ready`. */
  readonly value: unknown;
  /** Settles when the function has ended: with its value, or with the error that ended it. */
  readonly ended: Promise<Result>;
  /** Asks it to stop (its signal aborts; `killGrace` later it is killed) and waits until it has. */
  stop(reason?: string): Promise<void>;
}

/**
 * @returns once the function is ready.
 * @throws the function's error when it fails before that, and when it returns without ever having been ready
 */
export const placeChild = async <Result>(handle: CallHandle<Result>): Promise<Child<Result>> => {
  const ended = handle.result();
  // It may fail before anybody has looked at it.
  ended.catch(() => undefined);
  const value = await Promise.race([untilReady(handle), ended.then(endedEarly)]);
  return {
    id: handle.id,
    value,
    ended,
    async stop(reason = 'stopped by its placer') {
      await handle.cancel(reason);
      await ended.catch(() => undefined);
    },
  };
};

const untilReady = async (handle: CallHandle<unknown>): Promise<unknown> => {
  for await (const value of handle.progress()) if (isReadyMark(value)) return value.ready;
  // The call has ended: `ended` decides.
  return new Promise(() => undefined);
};

const endedEarly = (): never => {
  throw new Error(
    'the placed function ended without calling context().ready(): use flame.call for functions that end by themselves',
  );
};
