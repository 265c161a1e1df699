/**
 * Linked calls end with their maker: a caller that is no longer heard of, or the attempt of a call that made them, which is
 * over when that call has ended or another attempt of it has begun.
 */

import { errorOutcome, ranOf } from './attempt/outcome-of.ts';
import { poolOfCallId } from './call-id.ts';
import type { RedisClient } from './connect.ts';
import { endCall } from './end-call.ts';
import { FlameCancelledError } from './errors/index.ts';
import type { PoolKeys } from './keys.ts';
import type { Vault } from './payload/vault.ts';
import { createRedisStore } from './store/redis-store.ts';

/** A caller that has not been heard of for so long is gone. */
export const CALLER_TTL_MS = 15_000;

const BATCH = 200;

/** What a call is linked to that ends with an attempt of another one. @param ats that attempt, by BullMQ's count */
export const linkToCall = (callId: string, ats: number): string => `${callId} ${ats}`;

/** Looks at the linked calls that were looked at longest ago. @returns how many calls were cancelled or asked to stop */
export const cancelOrphans = async (client: RedisClient, keys: PoolKeys, vault: Vault): Promise<number> => {
  const ids = await client.zrange(keys.linked, '0', String(BATCH - 1));
  const store = createRedisStore(client, keys);
  let cancelled = 0;
  for (const id of ids) {
    const link = await client.hget(`${keys.queue}${id}`, 'f:link');
    if (link === null) {
      await client.zrem(keys.linked, id);
      continue;
    }
    const gone = await goneMaker(client, keys, link);
    if (gone === undefined) {
      const [seconds] = await client.time();
      await client.zadd(keys.linked, 'XX', Number(seconds) * 1000, id);
      continue;
    }
    const call = await store.inspect(id);
    const error = new FlameCancelledError(`call ${id} was cancelled: ${gone}`, { callId: id, reason: gone });
    const verdict = { ...errorOutcome(ranOf(call), error), generation: call.generation, cancelReason: gone };
    await endCall(store, id, verdict, vault);
    cancelled += 1;
  }
  return cancelled;
};

/** @returns who is gone, as a reason; `undefined` while its maker is there */
const goneMaker = async (client: RedisClient, keys: PoolKeys, link: string): Promise<string | undefined> => {
  const [maker = '', ats] = link.split(' ');
  if (ats === undefined) {
    if ((await client.exists(keys.caller(maker))) === 1) return undefined;
    return 'its caller is gone, and it was made with link: true';
  }
  // Redis takes the mark of the runner away at every orderly end; a loss shows when the next attempt begins.
  const [held, now] = await client.hmget(`${queueOf(keys, poolOfCallId(maker))}${maker}`, 'f:run', 'ats');
  return held !== null && now === ats ? undefined : `the call that made it, ${maker}, has ended`;
};

/** Of another pool of the same app. */
const queueOf = ({ base, pool }: PoolKeys, other: string): string =>
  `${base.slice(0, -`${pool}}`.length)}${other}}:${other}:`;
