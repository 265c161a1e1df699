/** Both stores do the same, so what the model proves of one holds for the other. */
import { appKeys, beat, connect, disconnect, leave, poolKeys } from '@flamejs/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../../../tests/support/redis.ts';
import { systemClock } from '../src/clock.ts';
import { type IntentRecord, newIntent } from '../src/record/intent.ts';
import { newRunnerId } from '../src/record/runner-id.ts';
import { memoryStore, memoryWorld } from '../src/store/memory-store.ts';
import { redisStore } from '../src/store/redis-store.ts';
import type { Store } from '../src/store/store.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** A store, and what plays the runners and callers around it. */
interface Fixture {
  readonly store: Store;
  register(
    runnerId: string,
    fields: { state: 'ready' | 'draining' | 'drained'; active?: number; ackedDrain?: number },
  ): Promise<void>;
  leave(runnerId: string): Promise<void>;
  holdLock(runnerId: string, callId: string): Promise<void>;
  settings(fields: Record<string, string>): Promise<void>;
  order(runnerId: string, text: string): Promise<void>;
  eventTypes(): Promise<readonly string[]>;
  loseLease(): Promise<void>;
  close(): void;
}

const onRedis = async (): Promise<Fixture> => {
  const app = `s${Math.random().toString(36).slice(2)}`;
  const client = connect({ kind: 'single', url: redis.url, options: {} }, 'steady', 'store-test');
  const keys = poolKeys('flame', app, 'work');
  return {
    store: redisStore({ client, prefix: 'flame', app, clock: systemClock }),
    register: async (runnerId, fields) =>
      void (await beat(client, keys, runnerId, fields.active === 0 ? 0 : null, { slots: 2, ...fields })),
    leave: (runnerId) => leave(client, keys, runnerId, 'bye'),
    holdLock: async (runnerId, callId) => {
      await client.lpush(`${keys.queue}active`, callId);
      await client.hset(`${keys.queue}${callId}`, 'f:run', runnerId);
      await client.set(`${keys.queue}${callId}:lock`, 'token');
    },
    settings: async (fields) => void (await client.hset(keys.settings, fields)),
    order: async (runnerId, text) => void (await client.hset(keys.orders, runnerId, text)),
    eventTypes: async () => (await client.xrange(keys.events, '-', '+')).map(([, fields]) => fields[1] ?? ''),
    loseLease: async () => void (await client.del(appKeys('flame', app).lease)),
    close: () => disconnect(client),
  };
};

const inMemory = async (): Promise<Fixture> => {
  const world = memoryWorld(() => Date.now());
  const pool = world.pool('work');
  return {
    store: memoryStore(world),
    register: async (runnerId, fields) => {
      const before = pool.agents.get(runnerId);
      const fresh = { runnerId, pool: 'work', slots: 2, idleSince: 0, startedAt: 0, readyAt: 0, release: '', host: '' };
      const rest = {
        pid: 0,
        served: 0,
        reason: '',
        fault: '' as const,
        busyTotalMs: 0,
        idleTotalMs: 0,
        drainTotalMs: 0,
        roundTripMs: 0,
        drain: 0,
        drainReason: '',
        parked: false,
        active: 0,
        ackedDrain: 0,
      };
      pool.agents.set(runnerId, { ...fresh, ...rest, ...before, ...fields, heartbeatAt: Date.now() });
      pool.index.add(runnerId);
    },
    leave: async (runnerId) => {
      const agent = pool.agents.get(runnerId);
      if (agent !== undefined) pool.agents.set(runnerId, { ...agent, state: 'ended', reason: 'bye', active: 0 });
      pool.index.delete(runnerId);
    },
    holdLock: async (runnerId) => void pool.locks.set(runnerId, (pool.locks.get(runnerId) ?? 0) + 1),
    settings: async (fields) => {
      for (const [name, value] of Object.entries(fields)) pool.settings.set(name, value);
    },
    order: async (runnerId, text) => void pool.orders.set(runnerId, text),
    eventTypes: async () => pool.events.map(({ type }) => type),
    loseLease: async () => {
      world.lease = null;
    },
    close: () => undefined,
  };
};

const record = (pool = 'work'): IntentRecord =>
  newIntent(
    {
      runnerId: newRunnerId(pool, 'aaaaaa'),
      pool,
      backend: 'b',
      release: 'r1',
      slots: 2,
      env: { A: 'ü"' },
      reason: 'test',
    },
    Date.now(),
  );
const caps = (max: number, quota = Number.POSITIVE_INFINITY) => ({ max, quota });

describe.each([
  ['redis', onRedis],
  ['memory', inMemory],
] as const)('store on %s', (_name, make) => {
  const withStore = async (run: (fixture: Fixture, epoch: number) => Promise<void>): Promise<void> => {
    const fixture = await make();
    try {
      const lease = await fixture.store.acquire('one', 60_000, null);
      if (typeof lease === 'string') throw new Error('no lease');
      await fixture.store.raise('work', lease.epoch);
      await run(fixture, lease.epoch);
    } finally {
      fixture.close();
    }
  };

  test('P21 one holder; a lease that stands still may be taken; every election raises the epoch', () =>
    withStore(async ({ store, loseLease }, epoch) => {
      const held = await store.acquire('two', 60_000, null);
      expect(held).toBe('one 0');
      expect(await store.renew('one', epoch, 60_000, 1)).toBe(true);
      expect(await store.acquire('two', 60_000, 'one 0')).toBe('one 1');
      expect(await store.acquire('two', 60_000, 'one 1')).toMatchObject({ epoch: epoch + 1 });
      expect(await store.renew('one', epoch, 60_000, 2)).toBe(false);
      await store.release('one', epoch);
      expect(await store.acquire('three', 60_000, null)).toBe('two 0');
      await store.release('two', epoch + 1);
      expect(await store.acquire('three', 60_000, null)).toMatchObject({ epoch: epoch + 2 });
      await loseLease();
      expect(await store.renew('three', epoch + 2, 60_000, 1)).toBe(true);
    }));

  test('EX-03 a runner is parked and taken back, also after its acknowledgement; what drains for another reason is left alone', () =>
    withStore(async ({ store, register, leave: leaves }, epoch) => {
      const agent = async (id: string) => (await store.observe('work', [id], 0)).agents.find((a) => a.runnerId === id);
      await register('kept', { state: 'ready', active: 0 });
      expect(await store.park('work', epoch, 'kept', 'not wanted')).toBe('ordered');
      expect(await agent('kept')).toMatchObject({ drain: 1, drainReason: 'not wanted', parked: true });
      expect(await store.park('work', epoch, 'kept', 'again')).toBe('missing');
      await register('kept', { state: 'drained', ackedDrain: 1 });
      expect(await store.reactivate('work', epoch, 'kept')).toBe('acknowledged');
      expect(await store.unpark('work', epoch, 'kept')).toBe('ordered');
      expect(await agent('kept')).toMatchObject({ drain: 0, drainReason: '', parked: false });
      await register('kept', { state: 'ready', ackedDrain: 1 });
      expect(await store.park('work', epoch, 'kept', 'not wanted')).toBe('ordered');
      expect(await agent('kept')).toMatchObject({ drain: 2 });
      await leaves('kept');
      expect(await store.unpark('work', epoch, 'kept')).toBe('missing');
      await register('operated', { state: 'ready', active: 0 });
      await store.orderDrain('work', epoch, { runnerId: 'operated', generation: 4, reason: 'by hand' });
      expect(await store.park('work', epoch, 'operated', 'not wanted')).toBe('missing');
      expect(await store.unpark('work', epoch, 'operated')).toBe('missing');
      expect(await agent('operated')).toMatchObject({ drain: 4, drainReason: 'by hand', parked: false });
      expect(await store.park('work', epoch, 'nobody', 'not wanted')).toBe('missing');
      expect(await store.park('work', epoch - 1, 'kept', 'late')).toBe('fenced');
      expect(await store.unpark('work', epoch - 1, 'kept')).toBe('fenced');
    }));

  test('I1 reservations stop at max and at the quota, whatever is asked for at once', () =>
    withStore(async ({ store }, epoch) => {
      const records = Array.from({ length: 5 }, () => record());
      const reserved = await Promise.all(records.map((each) => store.reserve(epoch, [each], caps(3))));
      expect(reserved.flat()).toHaveLength(3);
      expect(await store.reserve(epoch, [record('other-pool'), record('other-pool')], caps(9, 4))).toHaveLength(1);
      expect(await store.reserve(epoch, [record()], caps(Number.POSITIVE_INFINITY))).toHaveLength(1);
      expect(await store.intents()).toHaveLength(5);
    }));

  test('a pool whose name begins like another one does not use up its max', () =>
    withStore(async ({ store }, epoch) => {
      expect(await store.reserve(epoch, [record('work-more')], caps(1))).toHaveLength(1);
      expect(await store.reserve(epoch, [record('work')], caps(1))).toHaveLength(1);
    }));

  test('records come back as they were written, and are changed and removed together', () =>
    withStore(async ({ store }, epoch) => {
      const [first, second] = [record(), record()];
      await store.reserve(epoch, [first, second], caps(9));
      const changed: IntentRecord = { ...first, state: 'booting', instanceId: 'i-1' };
      expect(await store.commit(epoch, { save: [changed], remove: [second.runnerId] })).toBe('ok');
      expect(await store.intents()).toEqual([changed]);
      expect(await store.commit(epoch, {})).toBe('ok');
    }));

  test('I2 a deposed leader is refused everywhere from the moment of the election', () =>
    withStore(async ({ store, register, loseLease }, epoch) => {
      await register('r', { state: 'ready' });
      await loseLease();
      await store.acquire('two', 60_000, null);
      expect(await store.reserve(epoch, [record()], caps(9))).toBe('fenced');
      expect(await store.commit(epoch, { save: [record()] })).toBe('fenced');
      expect(await store.beat(epoch, { work: '{}' })).toBe('fenced');
      // The pool's own slot learns of it when the new leader raises its epoch there.
      expect(await store.raise('work', epoch + 1)).toBe('ok');
      expect(await store.raise('work', epoch)).toBe('fenced');
      expect(await store.orderDrain('work', epoch, { runnerId: 'r', generation: 1, reason: '' })).toBe('fenced');
      expect(await store.reactivate('work', epoch, 'r')).toBe('fenced');
      expect(await store.forget('work', epoch, 'r', '')).toBe('fenced');
      expect(await store.record('work', epoch, { events: [{ type: 'runner.ready', reason: '' }] })).toBe('fenced');
      expect(await store.intents()).toEqual([]);
    }));

  test('I11 a drain is ordered, and taken back only before the acknowledgement', () =>
    withStore(async ({ store, register }, epoch) => {
      const order = { runnerId: 'r', generation: 3, reason: 'idle' };
      expect(await store.orderDrain('work', epoch, order)).toBe('missing');
      expect(await store.reactivate('work', epoch, 'r')).toBe('missing');
      await register('r', { state: 'ready' });
      expect(await store.orderDrain('work', epoch, order)).toBe('ordered');
      const agentOf = async () => (await store.observe('work', [], 0)).agents[0];
      expect(await agentOf()).toMatchObject({ runnerId: 'r', drain: 3, drainReason: 'idle' });
      await register('r', { state: 'draining' });
      expect(await store.reactivate('work', epoch, 'r')).toBe('reactivated');
      expect(await agentOf()).toMatchObject({ drain: 0, drainReason: '' });
      await store.orderDrain('work', epoch, { ...order, generation: 4 });
      await register('r', { state: 'drained', ackedDrain: 4 });
      expect(await store.reactivate('work', epoch, 'r')).toBe('acknowledged');
      expect(await agentOf()).toMatchObject({ state: 'drained', drain: 4, ackedDrain: 4 });
    }));

  test('runners that have left are seen by those who ask for them', () =>
    withStore(async ({ store, register, leave }, epoch) => {
      await register('gone', { state: 'ready' });
      await register('here', { state: 'ready', active: 2 });
      await leave('gone');
      expect((await store.observe('work', [], 0)).agents.map(({ runnerId }) => runnerId)).toEqual(['here']);
      const agents = (await store.observe('work', ['gone', 'never'], 0)).agents;
      expect(agents.find(({ runnerId }) => runnerId === 'gone')).toMatchObject({ state: 'ended', reason: 'bye' });
      expect(agents).toHaveLength(2);
      expect(await store.forget('work', epoch, 'here', 'lost')).toBe('ok');
      const [forgotten] = (await store.observe('work', ['here'], 0)).agents;
      expect(forgotten).toMatchObject({ state: 'ended', reason: 'lost', active: 0 });
    }));

  test('locks are counted by the runner that holds them', () =>
    withStore(async ({ store, holdLock }) => {
      await holdLock('r', 'c1');
      await holdLock('r', 'c2');
      await holdLock('other', 'c3');
      expect(await store.heldLocks('work', 'r')).toBe(2);
      expect(await store.heldLocks('work', 'nobody')).toBe(0);
    }));

  test('orders are seen until they are carried out; a later one for the same runner stays, and what is no order is left alone', () =>
    withStore(async ({ store, order }, epoch) => {
      const drain = JSON.stringify({ action: 'drain', withinMs: 5, by: 'ada', reason: 'r' });
      await order('r1', drain);
      await order('r2', '{"action":"dance"}');
      await order('r3', 'no JSON');
      const seen = async () => (await store.observe('work', [], 0)).orders;
      expect(await seen()).toEqual([
        { runnerId: 'r1', action: 'drain', withinMs: 5, by: 'ada', reason: 'r', text: drain },
      ]);
      const [stale] = await seen();
      await order('r1', JSON.stringify({ action: 'terminate' }));
      expect(await store.fulfil('work', epoch, stale ?? { runnerId: '', text: '' })).toBe('ok');
      const [later] = await seen();
      expect(later).toMatchObject({ runnerId: 'r1', action: 'terminate', by: 'somebody' });
      expect(await store.fulfil('work', epoch, later ?? { runnerId: '', text: '' })).toBe('ok');
      expect(await seen()).toEqual([]);
      expect(await store.fulfil('work', epoch - 1, { runnerId: 'r2', text: '' })).toBe('fenced');
    }));

  test('settings, statuses, events and samples', () =>
    withStore(async ({ store, settings, eventTypes }, epoch) => {
      await settings({ min: '1', by: 'ada' });
      expect((await store.observe('work', [], 0)).settings).toEqual({ min: '1', by: 'ada' });
      expect(await store.beat(epoch, { work: '{"a":1}' })).toBe('ok');
      expect(await store.statuses()).toEqual({ work: '{"a":1}' });
      const events = [
        { type: 'runner.ready', reason: 'r' } as const,
        { type: 'pool.scaled', reason: 's', details: { n: 1 } } as const,
      ];
      expect(await store.record('work', epoch, { events, sample: { waiting: 1 } })).toBe('ok');
      expect(await store.record('work', epoch, { sample: { waiting: 2 } })).toBe('ok');
      expect(await eventTypes()).toEqual(['runner.ready', 'pool.scaled']);
    }));
});

test('the observing script counts what BullMQ has, in Redis time', async () => {
  const client = redis.client();
  const keys = poolKeys('flame', 'count', 'work');
  const store = redisStore({ client, prefix: 'flame', app: 'count', clock: systemClock });
  const now = Date.now();
  await client.lpush(`${keys.queue}wait`, 'oldest', 'b', 'c');
  await client.hset(`${keys.queue}oldest`, 'f:since', now - 5_000);
  await client.lpush(`${keys.queue}active`, 'd');
  await client.zadd(`${keys.queue}prioritized`, 1, 'e');
  await client.zadd(
    `${keys.queue}delayed`,
    (now + 10_000) * 4096,
    'soon',
    (now + 90_000) * 4096 + 3,
    'later',
    0,
    'due',
  );
  await client.zadd(`${keys.base}:releases`, now, 'r2', now - 1, 'r1');
  await client.zadd(`${keys.base}:called`, now + 5, 'r2');
  await client.zadd(`${keys.base}:parked:r2`, 1, 'a', 2, 'b');
  const snapshot = await store.observe('work', [], 30_000);
  expect(snapshot.releases).toEqual([
    { release: 'r1', firstAt: now - 1, calledAt: 0, parked: 0 },
    { release: 'r2', firstAt: now, calledAt: now + 5, parked: 2 },
  ]);
  expect(snapshot).toMatchObject({
    paused: false,
    waiting: 3,
    prioritized: 1,
    active: 1,
    dueSoon: 2,
    oldestWaitAt: now - 5_000,
  });
  expect(Math.abs(snapshot.now - now)).toBeLessThan(5_000);
  // A limit of the whole queue: one of the two that may run does, so that one more is of use.
  await client.hset(`${keys.queue}meta`, 'concurrency', 2);
  expect(await store.observe('work', [], 0)).toMatchObject({ waiting: 0, prioritized: 1, active: 1 });
  await client.hset(`${keys.queue}meta`, 'concurrency', 4);
  expect(await store.observe('work', [], 0)).toMatchObject({ waiting: 2, prioritized: 1, active: 1 });
  await client.hset(`${keys.queue}meta`, 'paused', 1);
  expect((await store.observe('work', [], 0)).paused).toBe(true);
});

test('an unanswered command fails within its bound, and a record of another version is left alone', async () => {
  const client = redis.client();
  const store = redisStore({ client, prefix: 'flame', app: 'odd', clock: systemClock, timeoutMs: 200 });
  await client.hset(appKeys('flame', 'odd').intents, { x: 'not json', y: '{"runnerId":1}', z: 'null' });
  expect(await store.intents()).toEqual([]);
  redis.freeze();
  await expect(store.observe('work', [], 0)).rejects.toThrow(/did not answer within 200 ms/);
  redis.thaw();
});
