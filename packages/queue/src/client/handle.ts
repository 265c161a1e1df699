/** A handle on a call: fetch its result, watch it, cancel it; from any process, at any time until its outcome expires. */

import type { RetryResult } from '@flamejs/protocol/retry';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { awaitValue, type ResultOptions } from './await-outcome.ts';
import type { CallPlace } from './call-place.ts';
import { watchProgress } from './progress.ts';
import { secretsHere } from './secrets-here.ts';
import { type CallStatus, readStatus } from './status.ts';
import type { FlameStream } from './stream/item-stream.ts';
import type { StreamOptions } from './stream/open-stream.ts';

/** What `cancel()` came to. */
export type CancelResult =
  /** It had not started and never will. */
  | 'cancelled'
  /** It runs; it has been asked to stop and is killed after its pool's `killGrace`. */
  | 'stopping'
  /** It had finished already. */
  | 'finished'
  /** There is no such call (any more). */
  | 'unknown';

/** A call that was made, by whichever process: its result, items, state and progress, and orders for it. */
export interface CallHandle<Result> extends CallControls<Result> {
  /**
   * The items that its function yields, from an index on: those that are still kept, and then the others as they come. Reading them makes the
   * function wait for nothing, and leaving stops nothing. @throws FlameConfigError for a bad `from`; the iteration throws FlameStreamError
   * for items that are no longer kept
   */
  stream<Item = unknown>(options?: StreamOptions): FlameStream<Item, Result>;
}

/** What a handle does by itself, whoever has made the call. */
export interface CallControls<Result> {
  /** Keep it to `attach` from another process. */
  readonly id: string;
  /**
   * The call's value.
   * @param options.timeout bounds this wait alone; the call goes on. Default: no bound beside the call's own.
   * @param options.signal ends this wait alone; the call goes on.
   * @throws the function's own error, or the Flame error that ended the call; FlameWaitTimeoutError after `timeout`;
   *   FlameRemovedError when it is not known (any more)
   */
  result(options?: ResultOptions): Promise<Result>;
  /** Where the call is, and why it has not finished. */
  status(): Promise<CallStatus>;
  /** Stops the call, wherever it is. @returns what became of it @throws FlameUnavailableError */
  cancel(reason?: string): Promise<CancelResult>;
  /**
   * Runs a failed call again, with its original arguments and fresh budgets, as a new generation: `result()` of every
   * handle on it then waits for the new outcome. @returns whether it was retried @throws FlameUnavailableError
   */
  retry(): Promise<RetryResult>;
  /** The values that the function passes to `context().progress`, the last one first; ends when the call has ended. */
  progress(): AsyncIterableIterator<unknown>;
}

export const createHandle = <Result>(
  config: AppConfig,
  place: CallPlace,
  pool: PoolConfig,
  id: string,
): CallControls<Result> => ({
  id,
  result: (options = {}) =>
    awaitValue(
      id,
      options,
      { secrets: secretsHere(config, id), payloadLimit: pool.payloadLimit },
      {
        join: (settler) => void place.join(id, pool, settler).catch((error) => settler.reject(error)),
        leave: (settler) => place.leave(id, settler),
      },
    ) as Promise<Result>,
  status: () => readStatus(place, pool, id),
  async cancel(reason = 'cancelled through its handle') {
    const became = await place.cancel(id, pool, reason);
    return ({ settled: 'cancelled', active: 'stopping', finished: 'finished', missing: 'unknown' } as const)[became];
  },
  async retry() {
    const result = await place.ask(pool, id, (store) => store.retry(id));
    if (result === 'retried') place.wake(pool);
    return result;
  },
  progress: () => watchProgress(config, place, pool, id),
});
