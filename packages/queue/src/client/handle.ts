/** A handle on a call: fetch its result, watch it, cancel it; from any process, at any time until its outcome expires. */
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { type Duration, parseDuration } from '../duration.ts';
import { FlameTimeoutError } from '../errors/index.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { createRetries, type RetryResult } from '../protocol/retry.ts';
import type { Caller } from './caller.ts';
import { watchProgress } from './progress.ts';
import { secretsHere } from './secrets-here.ts';
import { settleWith } from './settle-with.ts';
import { type CallStatus, readStatus } from './status.ts';

export type CancelResult =
  /** It had not started and never will. */
  | 'cancelled'
  /** It runs; it has been asked to stop and is killed after its pool's `killGrace`. */
  | 'stopping'
  /** It had finished already. */
  | 'finished'
  /** There is no such call (any more). */
  | 'unknown';

export interface CallHandle<Result> {
  /** Keep it to `attach` from another process. */
  readonly id: string;
  /**
   * The call's value.
   * @param options.timeout bounds this wait alone; the call goes on. Default: no bound beside the call's own.
   * @throws the function's own error, or the Flame error that ended the call; FlameRemovedError when it is not known (any more)
   */
  result(options?: { readonly timeout?: Duration; readonly signal?: AbortSignal }): Promise<Result>;
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
  caller: Caller,
  pool: PoolConfig,
  id: string,
): CallHandle<Result> => ({
  id,
  result: (options = {}) => awaitOutcome(config, caller, pool, id, options) as Promise<Result>,
  status: () => readStatus(config, caller, pool, id),
  async cancel(reason = 'cancelled through its handle') {
    const became = await caller.recall.cancel(id, pool.name, reason);
    return ({ settled: 'cancelled', active: 'stopping', finished: 'finished', missing: 'unknown' } as const)[became];
  },
  async retry() {
    const client = await caller.link.client();
    const { keys, kick } = caller.pool(pool);
    const result = await caller.link.bounded(createRetries(client, keys, pool.name).retry(id));
    if (result === 'retried') kick.send();
    return result;
  },
  progress: () => watchProgress(config, caller, pool, id),
});

const awaitOutcome = (
  config: AppConfig,
  caller: Caller,
  pool: PoolConfig,
  id: string,
  { timeout, signal }: { readonly timeout?: Duration; readonly signal?: AbortSignal },
): Promise<unknown> => {
  const timeoutMs = timeout === undefined ? undefined : parseDuration(timeout, 'timeout');
  return new Promise((resolve, reject) => {
    const local = new Error();
    let timer: NodeJS.Timeout | undefined;
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      caller.leave(id, settler);
    };
    const settler = {
      resolve(outcome: Outcome): void {
        done();
        settleWith(outcome, secretsHere(config, id), local, resolve, reject);
      },
      reject(error: unknown): void {
        done();
        reject(error);
      },
    };
    const onAbort = (): void => settler.reject(signal?.reason);
    if (signal?.aborted) return reject(signal.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeoutMs !== undefined) {
      timer = setTimeout(() => {
        const message = `call ${id} had no outcome after the ${timeoutMs} ms that result() was to wait; the call goes on`;
        settler.reject(new FlameTimeoutError(message, { callId: id, timeoutMs, attempt: 0 }));
      }, timeoutMs);
    }
    caller.join(id, pool, settler).catch((error) => settler.reject(error));
  });
};
