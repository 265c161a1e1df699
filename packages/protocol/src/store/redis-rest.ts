/**
 * What is done to the calls of a pool in Redis beside the hot path. BullMQ's own operations serve where it has them: retrying by hand,
 * promoting, removing, and looking for stalled calls; its backends are made at their first use.
 */
import type { Redis } from 'ioredis';
import type { CallBackend } from '../call-backend.ts';
import { type RedisClient, runScript } from '../connect.ts';
import { inspectCall } from '../inspection.ts';
import type { PoolKeys } from '../keys.ts';
import { readLarge } from '../large-reads.ts';
import { parseHead } from '../outcome.ts';
import { redisNow } from '../redis-now.ts';
import type { CallStore, TakenBack } from './call-store.ts';
import { LOCK_MS } from './lock.ts';
import { acknowledge, fetchBody, lookupCall, settleWaiting } from './redis-outcomes.ts';

/** How often stalled calls are looked for; milliseconds. */
export const STALLED_CHECK_MS = 2_000;
/** Most delayed calls that one step moves; the next step goes on. */
const BATCH = 200;

type Hot = 'accept' | 'take' | 'settle' | 'withdraw';

/** @param reclaims reconnects are noted from now on, after which no call counts as stalled for a while */
export const createRedisRest = (client: RedisClient, keys: PoolKeys, reclaims: boolean): Omit<CallStore, Hot> => {
  let plain: Promise<CallBackend> | undefined;
  let checking: Promise<CallBackend> | undefined;

  /** BullMQ is loaded by who needs it: not by a caller, nor by a command line that looks. */
  const open = async (more: object = {}): Promise<CallBackend> => {
    const { callBackendFactory } = await import('../call-backend-factory.ts');
    const backend = callBackendFactory({ client })(keys.pool, { prefix: keys.base, ...more });
    // Connection errors are the connection owner's to report.
    backend.on('error', () => undefined);
    return backend;
  };
  const backend = (): Promise<CallBackend> => {
    plain ??= open();
    return plain;
  };
  const stalledCheck = (): Promise<CallBackend> => {
    checking ??= open({
      lockDuration: LOCK_MS,
      maxStalledCount: 1_000_000,
      stalledInterval: STALLED_CHECK_MS - 500,
    });
    return checking;
  };
  if (reclaims) stalledCheck().catch(() => undefined);

  const takenBack = async (ids: readonly string[]): Promise<readonly TakenBack[]> => {
    if (ids.length === 0) return [];
    const pipeline = client.pipeline();
    for (const id of ids) pipeline.hget(`${keys.queue}${id}`, 'f:fail');
    const replies = (await pipeline.exec()) ?? [];
    return ids.map((callId, at) => ({ callId, failOnLoss: replies[at]?.[1] === '1' }));
  };

  return {
    async renew(runnerId, leases) {
      const args = leases.flatMap(({ callId, attempt, generation }) => [callId, attempt, generation, runnerId]);
      const reply = await runScript(client, 'flameRenew', [keys.queue, LOCK_MS, ...args]);
      const [lost, cancelled] = reply as [string[], string[]];
      return { lost, cancelled: pairsOf(cancelled).map(([callId, reason]) => ({ callId, reason })) };
    },
    async heldBy(runnerId) {
      const held = (await runScript(client, 'flameHeldBy', [keys.queue, runnerId])) as string[];
      return pairsOf(held).map(([callId, attempt]) => ({ callId, attempt: Number(attempt) }));
    },
    async putBack(runnerId, pickUps) {
      const args = pickUps.flatMap(({ callId, attempt }) => [callId, attempt]);
      return (await runScript(client, 'flamePutBack', [keys.queue, runnerId, ...args])) as string[];
    },
    cancelReason: async (callId) => (await client.hget(`${keys.queue}${callId}`, 'f:cancel')) ?? undefined,
    largeArgs: async (callId, most) => {
      const ask = (by: Redis): Promise<Buffer> => by.getrangeBuffer(keys.args(callId), 0, most);
      return (await readLarge(client, ask, Buffer.allocUnsafeSlow)) ?? NOTHING;
    },
    async reportProgress(callId, note, ttlMs) {
      const key = keys.progress(callId);
      const value = Buffer.from(note);
      await Promise.all([client.set(key, value, 'PX', ttlMs), client.publish(key, value)]);
    },
    async reportReady(callId, note) {
      await runScript(client, 'flameReady', [`${keys.queue}${callId}`, note]);
    },

    lookUp: (callId, waiter) => lookupCall(client, keys, callId, waiter),
    body: (callId) => fetchBody(client, keys, callId),
    async head(callId) {
      const text = await client.hget(keys.outcome(callId), 'head');
      return text === null ? undefined : parseHead(text);
    },
    acknowledge: (waiter, by, deliveries) => acknowledge(client, keys, waiter, by, deliveries),
    end: (callId, verdict) => settleWaiting(client, keys, callId, verdict),
    async retry(callId) {
      try {
        await (await backend()).retryFinishedJob({ id: callId, opts: {} } as never, 'failed');
        return 'retried';
      } catch (error) {
        // BullMQ's codes: -1 no such job, -3 not in the failed set.
        const code = (error as { code?: number }).code;
        if (code === -3) return 'not-failed';
        if (code === -1) return (await client.exists(keys.outcome(callId))) === 1 ? 'not-failed' : 'unknown';
        throw error;
      }
    },
    inspect: (callId) => inspectCall(client, keys, callId),
    progress: async (callId) => (await client.getBuffer(keys.progress(callId))) ?? undefined,
    readiness: async (callId) => (await client.hgetBuffer(`${keys.queue}${callId}`, 'f:ready')) ?? undefined,
    async remove(callId) {
      await (await backend()).remove(callId, false);
    },

    async promote() {
      const now = await redisNow(client, keys.queue);
      const due = await client.zrangebyscore(`${keys.queue}delayed`, 0, (now + 1) * 0x1000 - 1, 'LIMIT', 0, BATCH);
      // A call that another process promotes in between is no longer delayed, which is all that was wanted.
      const promoted = await Promise.allSettled(due.map(async (id) => (await backend()).promote(id)));
      return promoted.filter(({ status }) => status === 'fulfilled').length;
    },
    reclaim: async () => takenBack(await (await stalledCheck()).moveStalledJobsToWait()),
    release: async (runnerId) =>
      takenBack((await runScript(client, 'flameReleaseRunner', [keys.queue, runnerId])) as string[]),
    overdue: async (most) => client.zrangebyscore(keys.expiry, 0, await redisNow(client, keys.queue), 'LIMIT', 0, most),
    async setOverdue(callId, at) {
      if (at === undefined) await client.zrem(keys.expiry, callId);
      else await client.zadd(keys.expiry, 'XX', at, callId);
    },
  };
};

const NOTHING = Buffer.alloc(0);

const pairsOf = (flat: readonly string[]): readonly (readonly [string, string])[] =>
  flat.flatMap((first, at) => (at % 2 === 0 ? [[first, flat[at + 1] ?? ''] as const] : []));
