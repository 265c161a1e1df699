/** Retrying failed calls by hand: each starts a new generation with its original arguments and fresh budgets. */
import type { RedisClient } from './connect.ts';
import type { PoolKeys } from './keys.ts';
import { createRedisStore } from './store/redis-store.ts';

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
export const createRetries = (client: RedisClient, keys: PoolKeys): Retries => {
  const { retry } = createRedisStore(client, keys);

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
