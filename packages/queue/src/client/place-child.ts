/**
 * Long-lived functions: a child holds its slot until it ends or is stopped, and its runner does not idle out meanwhile. The
 * function says when it is up by `context().ready()`; that is stored with the call, so it cannot be missed.
 */
import { configError } from '@flamejs/protocol/errors/input-errors';
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

/** What a call said of itself: `undefined` as long as it has not called `ready`. */
export type ReadReadiness = () => Promise<{ readonly value: unknown } | undefined>;

const LOOK_EVERY_MS = 200;

/**
 * @returns once the function is ready.
 * @throws the function's error when it fails before that, and FlameConfigError when it returns without ever having been ready
 */
export const placeChild = async <Result>(
  handle: CallHandle<Result>,
  readReadiness: ReadReadiness,
): Promise<Child<Result>> => {
  let over = false;
  const ended = handle.result();
  const end = (): void => {
    over = true;
  };
  // It may fail before anybody has looked at it.
  ended.then(end, end);
  let ready = await readReadiness();
  while (ready === undefined && !over) {
    await Promise.race([ended.then(end, end), new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))]);
    ready = await readReadiness();
  }
  if (ready === undefined) {
    await ended;
    const message = `call ${handle.id} ended without calling context().ready(): use flame.call for functions that end by themselves`;
    throw configError('flame.placeChild', [{ path: '', message }]);
  }
  return {
    id: handle.id,
    value: ready.value,
    ended,
    async stop(reason = 'stopped by its placer') {
      await handle.cancel(reason);
      await ended.catch(() => undefined);
    },
  };
};
