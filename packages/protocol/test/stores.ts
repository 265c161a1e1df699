/** The same store twice, over Redis and in memory, with what its tests need to see and to bring about around it. */

import { startRedis } from '../../../tests/support/redis.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { connect, whenReady } from '../src/connect.ts';
import { redisNow } from '../src/redis-now.ts';
import type { CallStore } from '../src/store/call-store.ts';
import { type Handed, parseHanded } from '../src/store/hand-over.ts';
import { LOCK_MS } from '../src/store/lock.ts';
import { createMemoryStore } from '../src/store/memory/memory-store.ts';
import { createRedisStore } from '../src/store/redis-store.ts';
import { READ_BODY_MS } from '../src/verdict.ts';
import { keys } from './support.ts';

export interface Stage {
  readonly store: CallStore;
  /** What a waiter was told of, in order: `<id> <generation> ok`, `… failed` or `… removed`. */
  told(waiter: string): Promise<readonly string[]>;
  /** A runner that lives and listens to calls that are handed over. @returns what it has heard */
  listen(runnerId: string): Promise<readonly Handed[]>;
  /** It says again that it lives. */
  beat(runnerId: string): Promise<void>;
  /** It goes on living, and hears nothing any more. */
  deafen(runnerId: string): Promise<void>;
  /** The lock of a call runs out, as if its runner had been silent. */
  loseLock(callId: string): Promise<void>;
  /** Looks for calls without a lock until nothing is overlooked. @returns ids taken back */
  reclaim(): Promise<readonly string[]>;
  /** Follows a call's progress. @returns what has come */
  follow(callId: string): Promise<readonly string[]>;
  /** A call is overdue from now on. */
  makeOverdue(callId: string): Promise<void>;
  /** The time is over for which a large value is kept that was read. */
  outliveReadBodies(callId: string): Promise<void>;
  stop(): Promise<void>;
}

/** @returns makes one empty stage after the other */
export const redisStages = async (): Promise<{ stage(): Promise<Stage>; stop(): Promise<void> }> => {
  const redis = await startRedis();
  const client = connect({ kind: 'single', url: redis.url, options: {} }, 'steady', 'store-test');
  client.on('error', () => undefined);
  await whenReady(client, 5_000);
  const reclaiming = createRedisStore(client, keys, { reclaims: true });
  const checked = async (): Promise<readonly string[] | undefined> => {
    const back = (await reclaiming.reclaim()).map(({ callId }) => callId);
    return (await client.del(`${keys.queue}stalled-check`)) === 1 ? back : undefined;
  };
  // There is no check while a server may just have been restarted.
  await waitFor(checked, { what: 'a first check' });
  return {
    async stage() {
      await client.flushall();
      const store = createRedisStore(client, keys);
      const heard = new Map<string, Handed[]>();
      const followed = new Map<string, string[]>();
      const reader = redis.client();
      reader.on('messageBuffer', (channel: Buffer, message: Buffer) => {
        followed.get(channel.toString())?.push(message.toString());
        const handed = parseHanded(message, performance.now());
        if (handed !== undefined) heard.get(channel.toString())?.push(handed);
      });
      return {
        store,
        async told(waiter) {
          const entries = await client.xrange(keys.reply(waiter), '-', '+');
          return entries.map(([, flat]) => {
            const fields = Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1]]] : [])));
            const how = fields.head === undefined ? 'removed' : JSON.parse(fields.head).ok ? 'ok' : 'failed';
            return `${fields.id} ${fields.gen} ${how}`;
          });
        },
        async listen(runnerId) {
          const list: Handed[] = [];
          heard.set(keys.hand(runnerId), list);
          await reader.subscribe(keys.hand(runnerId));
          await client.zadd(keys.runners, await redisNow(client), runnerId);
          return list;
        },
        beat: async (runnerId) => void (await client.zadd(keys.runners, await redisNow(client), runnerId)),
        deafen: async (runnerId) => void (await reader.unsubscribe(keys.hand(runnerId))),
        loseLock: async (callId) => void (await client.del(`${keys.queue}${callId}:lock`)),
        async reclaim() {
          const back: string[] = [];
          // The first check marks what has no lock, the second one takes it.
          for (let check = 0; check < 2; check += 1) back.push(...(await waitFor(checked, { what: 'a check' })));
          return back;
        },
        async follow(callId) {
          const list: string[] = [];
          followed.set(keys.progress(callId), list);
          await reader.subscribe(keys.progress(callId));
          return list;
        },
        makeOverdue: async (callId) => void (await client.zadd(keys.expiry, 'XX', 1, callId)),
        outliveReadBodies: async (callId) => void (await client.del(keys.body(callId))),
        stop: async () => reader.disconnect(),
      };
    },
    async stop() {
      client.disconnect();
      await redis.stop();
    },
  };
};

export const memoryStages = async (): Promise<{ stage(): Promise<Stage>; stop(): Promise<void> }> => ({
  async stage() {
    let aheadMs = 0;
    const told = new Map<string, string[]>();
    const heard = new Map<string, Handed[]>();
    const followed = new Map<string, string[]>();
    const runners = new Set<string>();
    const now = (): number => Date.now() + aheadMs;
    const store = createMemoryStore({
      now,
      onTold(waiter, { callId, generation, head }) {
        const how = head === undefined ? 'removed' : head.ok ? 'ok' : 'failed';
        told.set(waiter, [...(told.get(waiter) ?? []), `${callId} ${generation} ${how}`]);
      },
      onProgress: (callId, note) => void followed.get(callId)?.push(String(note)),
      onHanded(runnerId, handed) {
        heard.get(runnerId)?.push(handed);
        return heard.has(runnerId);
      },
    });
    /** Knows who takes calls, to renew what must not run out with one lock. */
    const noting: CallStore = {
      ...store,
      take(by, slots) {
        runners.add(by.runnerId);
        return store.take(by, slots);
      },
    };
    return {
      store: noting,
      told: async (waiter) => told.get(waiter) ?? [],
      async listen(runnerId) {
        const list: Handed[] = [];
        heard.set(runnerId, list);
        runners.add(runnerId);
        return list;
      },
      beat: async () => undefined,
      deafen: async (runnerId) => void heard.delete(runnerId),
      async loseLock(callId) {
        const others = await Promise.all(
          [...runners].map(async (runnerId) => {
            const held = (await store.heldBy(runnerId)).filter((each) => each.callId !== callId);
            const live = await Promise.all(
              held.map(async (each) => ({ each, call: await store.inspect(each.callId) })),
            );
            const leases = live.flatMap(({ each, call }) =>
              call.state === 'active' ? [{ ...each, generation: call.generation }] : [],
            );
            return { runnerId, leases };
          }),
        );
        aheadMs += LOCK_MS + 1;
        for (const { runnerId, leases } of others) await store.renew(runnerId, leases);
      },
      reclaim: async () => (await store.reclaim()).map(({ callId }) => callId),
      async follow(callId) {
        const list: string[] = [];
        followed.set(callId, list);
        return list;
      },
      async makeOverdue(callId) {
        await store.setOverdue(callId, 1);
      },
      async outliveReadBodies() {
        aheadMs += READ_BODY_MS + 1;
      },
      stop: async () => undefined,
    };
  },
  stop: async () => undefined,
});

/** Pushed messages take a moment. */
export const heardBy = async <T>(list: readonly T[], count: number): Promise<readonly T[]> => {
  await waitFor(() => list.length >= count, { what: `${count} messages` });
  return list;
};
