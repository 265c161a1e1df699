/** Calls with `link: true` end with their caller: those whose caller is no longer heard of are cancelled. */

import type { RedisClient } from './connect.ts';
import { encodeOutcome } from './encode-outcome.ts';
import { FlameCancelledError } from './errors/index.ts';
import { inspectCall } from './inspection.ts';
import type { PoolKeys } from './keys.ts';
import { settleWaiting } from './outcome.ts';
import type { Vault } from './payload/vault.ts';

/** A caller that has not been heard of for so long is gone. */
export const CALLER_TTL_MS = 15_000;

const BATCH = 200;

/** Looks at the linked calls that were looked at longest ago. @returns how many calls were cancelled or asked to stop */
export const cancelOrphans = async (client: RedisClient, keys: PoolKeys, vault: Vault): Promise<number> => {
  const ids = await client.zrange(keys.linked, '0', String(BATCH - 1));
  let cancelled = 0;
  for (const id of ids) {
    const callerId = await client.hget(`${keys.queue}${id}`, 'f:link');
    if (callerId === null) {
      await client.zrem(keys.linked, id);
      continue;
    }
    if ((await client.exists(keys.caller(callerId))) === 1) {
      const [seconds] = await client.time();
      await client.zadd(keys.linked, 'XX', Number(seconds) * 1000, id);
      continue;
    }
    const call = await inspectCall(client, keys, id);
    const reason = 'its caller is gone, and it was made with link: true';
    const error = new FlameCancelledError(`call ${id} was cancelled: ${reason}`, { callId: id, reason });
    const verdict = { ...encodeOutcome(error, call), generation: call.generation, cancelReason: reason };
    await settleWaiting(client, keys, id, verdict, vault);
    cancelled += 1;
  }
  return cancelled;
};
