/**
 * Long-lived functions: a child holds its slot until it ends or is stopped, and its runner does not idle out meanwhile. The
 * function says when it is up by `context().ready()`; that is stored with the call, so it cannot be missed.
 */
import { FlameUnavailableError } from '@flamejs/protocol/errors';
import { configError } from '@flamejs/protocol/errors/input-errors';

/** A long-lived function that runs somewhere: what `flame.placeChild` resolves with. */
export interface Child<Result> {
  readonly id: string;
  /** What the function passed to `context().ready`. */
  readonly value: unknown;
  /** Settles when the function has ended: with its value, or with the error that ended it. */
  readonly ended: Promise<Result>;
  /** Asks it to stop (its signal aborts; `killGrace` later it is killed) and waits until it has. */
  stop(reason?: string): Promise<void>;
}

/** A call that is being placed, accepted or not. */
export interface Placed<Result> {
  readonly id: string;
  /** Settles with the call, and rejects when it was not accepted. */
  readonly ended: Promise<Result>;
  /** What the function has said of itself: `undefined` as long as it has not called `ready`. */
  readiness(): Promise<{ readonly value: unknown } | undefined>;
  cancel(reason: string): Promise<unknown>;
  /** Cancels as soon as Redis answers. Never throws. */
  giveUp(reason: string): void;
}

const LOOK_EVERY_MS = 200;

/**
 * @returns once the function is ready.
 * @throws the function's error when it fails before that, and FlameConfigError when it returns without ever having been ready;
 *   whatever it throws, nothing of the call goes on without a handle
 */
export const placeChild = async <Result>(placed: Placed<Result>): Promise<Child<Result>> => {
  const { id, ended } = placed;
  let over = false;
  let wake = (): void => undefined;
  const end = (): void => {
    over = true;
    wake();
  };
  // It may fail before anybody has looked at it.
  ended.then(end, end);
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, over ? 0 : LOOK_EVERY_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  /** While Redis is away, the child runs on: what it has said is still there afterwards. */
  const look = async (isLast: boolean): Promise<{ readonly value: unknown } | undefined> => {
    try {
      return await placed.readiness();
    } catch (error) {
      if (isLast) await ended;
      if (isLast || !(error instanceof FlameUnavailableError)) throw error;
      return undefined;
    }
  };

  try {
    for (;;) {
      const isLast = over;
      const ready = await look(isLast);
      if (ready !== undefined) return asChild(placed, ready.value);
      if (isLast) {
        await ended;
        break;
      }
      await pause();
    }
  } catch (error) {
    placed.giveUp('it could not be followed until it was ready');
    throw error;
  }
  const message = `call ${id} ended without calling context().ready(): use flame.call for functions that end by themselves`;
  throw configError('flame.placeChild', [{ path: '', message }]);
};

const asChild = <Result>({ id, ended, cancel }: Placed<Result>, value: unknown): Child<Result> => ({
  id,
  value,
  ended,
  async stop(reason = 'stopped by its placer') {
    await cancel(reason);
    await ended.catch(() => undefined);
  },
});
