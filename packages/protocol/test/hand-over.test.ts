/** Calls that are handed over as they are accepted: to whom, once, and to nobody who is not there. */
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createHousekeeping } from '../src/housekeeping.ts';
import { inspectCall } from '../src/inspection.ts';
import { redisNow } from '../src/redis-now.ts';
import { newOffer, parseHanded } from '../src/store/hand-over.ts';
import { finish, keys, POOL, type PoolFixture, plain, plainCall, startPool } from './support.ts';

let pool: PoolFixture;
beforeEach(async () => {
  pool = await startPool();
});
afterEach(async () => {
  for (const runner of runners.splice(0)) runner.disconnect();
  await pool.stop();
});

const runners: Redis[] = [];

interface Listener {
  readonly by: { readonly runnerId: string; readonly release: string };
  /** What was pushed to it, raw. */
  readonly heard: Buffer[];
  readonly client: Redis;
  /** @returns the numbers of so many slots, which are on offer now */
  offer(count: number): Promise<readonly string[]>;
  handed(count: number): Promise<readonly NonNullable<ReturnType<typeof parseHanded>>[]>;
}

/** A runner that has said that it lives, and listens. */
const listener = async (runnerId: string): Promise<Listener> => {
  const client = pool.redis.client();
  runners.push(client);
  const heard: Buffer[] = [];
  client.on('messageBuffer', (_: Buffer, message: Buffer) => heard.push(message));
  await client.subscribe(keys.hand(runnerId));
  await pool.client.zadd(keys.runners, await redisNow(pool.client), runnerId);
  const by = { runnerId, release: 'r1' };
  return {
    by,
    heard,
    client,
    async offer(count) {
      const offer = Array.from({ length: count }, newOffer);
      expect((await pool.store.take(by, { plain: 0, offer, offered: [] })).calls).toEqual([]);
      return offer;
    },
    async handed(count) {
      await waitFor(() => heard.length >= count, { what: `${count} calls to be handed over` });
      return heard.map((message) => {
        const handed = parseHanded(message, 0);
        if (handed === undefined) throw new Error('unreadable');
        return handed;
      });
    },
  };
};

const waiting = (): Promise<number> => pool.client.llen(`${keys.queue}wait`);

test('a call is handed over to the slot that has been free for longest, once, and settles as one that was picked up', async () => {
  const first = await listener('one');
  const second = await listener('two');
  const [a] = await first.offer(1);
  const [b] = await second.offer(1);
  const ids = [await pool.accept({ deadlineInMs: 60_000 }), await pool.accept(), await pool.accept()];
  const [one] = await first.handed(1);
  const [two] = await second.handed(1);
  expect([one?.number, two?.number]).toEqual([a, b]);
  expect([one?.call.callId, two?.call.callId]).toEqual(ids.slice(0, 2));
  expect(one?.call).toMatchObject({ attempt: 1, attemptsMade: 0, data: '{"v":1}' });
  expect(one?.call.pickUp?.deadlineAt).toBeGreaterThan(one?.call.pickUp?.at ?? 0);
  expect(await waiting()).toBe(1);
  expect(await inspectCall(pool.client, keys, ids[0] ?? '')).toMatchObject({ state: 'active', runnerId: 'one' });
  expect(await finish(pool, ids[0] ?? '', 1, 'one')).toBe('done');
  expect((await inspectCall(pool.client, keys, ids[0] ?? '')).state).toBe('settled');
});

test('an accept that is sent twice hands over once', async () => {
  const runner = await listener('one');
  await runner.offer(2);
  const call = plainCall();
  expect(await pool.store.accept([call])).toEqual(['accepted']);
  expect(await pool.store.accept([call])).toEqual(['accepted']);
  await pool.accept();
  expect((await runner.handed(2)).map((handed) => handed.call.callId)).toHaveLength(2);
  expect(new Set((await runner.handed(2)).map((handed) => handed.number)).size).toBe(2);
});

test('an offer that is sent twice stands there once, and what is no longer there is told', async () => {
  const runner = await listener('one');
  const [number = ''] = await runner.offer(1);
  await pool.store.take(runner.by, { plain: 0, offer: [number], offered: [] });
  expect(await pool.client.zcard(keys.free)).toBe(1);
  const id = await pool.accept();
  expect((await pool.store.take(runner.by, { plain: 0, offer: [], offered: [number] })).gone).toEqual([number]);
  expect(await pool.store.withdraw(runner.by, [number])).toEqual([]);
  const [other = ''] = await runner.offer(1);
  expect(await pool.store.withdraw(runner.by, [other])).toEqual([other]);
  await pool.accept();
  expect((await runner.handed(1)).map((handed) => handed.call.callId)).toEqual([id]);
  expect(await waiting()).toBe(1);
});

test('a slot on offer takes what waits, and is not on offer then', async () => {
  const runner = await listener('one');
  const [number = ''] = await runner.offer(1);
  await pool.client.lpush(`${keys.queue}wait`, await pool.accept({ failOnLoss: true }));
  const taken = await pool.store.take(runner.by, { plain: 0, offer: [], offered: [number] });
  expect(taken.filled).toEqual([number]);
  expect(taken.calls).toHaveLength(1);
  expect(await pool.client.zcard(keys.free)).toBe(0);
});

test('what may not be begun twice, what waits for its time, and what stands behind others is not handed over', async () => {
  const runner = await listener('one');
  await runner.offer(4);
  await pool.accept({ failOnLoss: true });
  await pool.accept({ delayMs: 60_000 });
  await pool.accept();
  expect(await waiting()).toBe(2);
  expect(runner.heard).toEqual([]);
});

test('a paused pool, and one with a limit of its own, hand nothing over', async () => {
  const runner = await listener('one');
  await runner.offer(2);
  await pool.backend.pause(true);
  await pool.accept();
  await pool.backend.pause(false);
  expect((await pool.store.take(runner.by, plain(1))).calls).toHaveLength(1);
  await pool.client.hset(`${keys.queue}meta`, 'concurrency', 1);
  await pool.accept();
  expect(await waiting()).toBe(1);
  expect(runner.heard).toEqual([]);
});

test('nobody there: the next runner gets it, or it waits; no offer of the one that is gone stays', async () => {
  const gone = await listener('gone');
  await gone.offer(2);
  const here = await listener('here');
  await here.offer(1);
  await gone.client.unsubscribe();
  const id = await pool.accept();
  await pool.accept();
  expect((await here.handed(1))[0]?.call.callId).toBe(id);
  expect(await waiting()).toBe(1);
  expect(await pool.client.zcard(keys.free)).toBe(0);
});

test('a runner that has not been heard of for a while is handed nothing', async () => {
  const silent = await listener('silent');
  await silent.offer(1);
  await pool.client.zadd(keys.runners, (await redisNow(pool.client)) - 30_000, 'silent');
  await pool.accept();
  expect(await waiting()).toBe(1);
  expect(silent.heard).toEqual([]);
});

test('a call that was handed over and whose runner is gone is taken back, and the loss is told', async () => {
  const runner = await listener('one');
  await runner.offer(1);
  const id = await pool.accept();
  await runner.handed(1);
  expect(await createHousekeeping(pool.client, keys, POOL).releaseRunner('one')).toEqual([id]);
  const again = await pool.pickUp('two');
  expect(again).toMatchObject({ id, attempt: 2, pickUp: { runnerLosses: 1 } });
});
