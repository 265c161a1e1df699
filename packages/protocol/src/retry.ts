/** Retrying failed calls by hand: each starts a new generation with its original arguments and fresh budgets. */
import type { CallBackend } from './call-backend.ts';
import { callBackendFactory } from './call-backend-factory.ts';
import type { RedisClient } from './connect.ts';
import type { PoolKeys } from './keys.ts';

export type RetryResult =
  /** It waits again; `attach(id).result()` gives the new outcome. */
  | 'retried'
  /** It has not failed: it waits, runs, or has succeeded. */
  | 'not-failed'
  /** There is no such call (any more). */
  | 'unknown';

export interface Retries {
  retry(callId: string): Promise<RetryResult>;
  /** Retries every failed call of the pool, or of one function. @returns how many */
  retryAll(filter?: { readonly functionName?: string }): Promise<number>;
}

const PAGE = 200;

/** @param client stays the caller's */
export const createRetries = (client: RedisClient, keys: PoolKeys, pool: string): Retries => {
  const backend: CallBackend = callBackendFactory({ client })(pool, { prefix: keys.base });
  backend.on('error', () => undefined);

  const retry = async (callId: string): Promise<RetryResult> => {
    try {
      await backend.retryFinishedJob({ id: callId, opts: {} } as never, 'failed');
      return 'retried';
    } catch (error) {
      // BullMQ's codes: -1 no such job, -3 not in the failed set.
      const code = (error as { code?: number }).code;
      if (code === -3) return 'not-failed';
      if (code === -1) return (await client.exists(keys.outcome(callId))) === 1 ? 'not-failed' : 'unknown';
      throw error;
    }
  };

  return {
    retry,
    async retryAll({ functionName } = {}) {
      // Ids are read before any is moved, so that a call that fails again meanwhile is not retried twice.
      const ids = await client.zrange(`${keys.queue}failed`, '0', '-1');
      let retried = 0;
      for (let from = 0; from < ids.length; from += PAGE) {
        const page = ids.slice(from, from + PAGE);
        const names =
          functionName === undefined
            ? []
            : await Promise.all(page.map((id) => client.hget(`${keys.queue}${id}`, 'name')));
        const wanted = functionName === undefined ? page : page.filter((_, i) => names[i] === functionName);
        const results = await Promise.all(wanted.map(retry));
        retried += results.filter((r) => r === 'retried').length;
      }
      return retried;
    },
  };
};
