/**
 * Every kind of record that is read from Redis, damaged in turn: the pages, the command line's operations, the autoscaler's store and its
 * housekeeping all go on with the others, and what was skipped is named.
 */
import {
  appKeys,
  connect,
  createHousekeeping,
  type Housekeeping,
  type RedisClient,
  redisNow,
  whenReady,
} from '@flamejs/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../autoscaler/src/clock.ts';
import { newIntent } from '../../autoscaler/src/record/intent.ts';
import { redisStore } from '../../autoscaler/src/store/redis-store.ts';
import type { Store } from '../../autoscaler/src/store/store.ts';
import { tuner } from '../../autoscaler/src/tuning/index.ts';
import { type Operations, openOperations } from '../src/operations/index.ts';
import { type BoardFixture, startBoard } from './support.ts';

let board: BoardFixture;
let operations: Operations;
let client: RedisClient;
let store: Store;
let house: Housekeeping;
let told: string[];
const app = appKeys('flame', 'shop');
const keys = () => board.keys('main');

beforeAll(async () => {
  board = await startBoard({ pools: { main: {}, other: {} } });
  client = connect(board.config.redis, 'steady', 'damaged');
  client.on('error', () => undefined);
  await whenReady(client, 5_000);
});
afterAll(async () => {
  client.disconnect();
  await operations?.close();
  await board[Symbol.asyncDispose]();
});

const fn = (name: string, pool = 'main') => board.flame.fn(name, { pool }, (..._args: unknown[]): unknown => undefined);
const BAD = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';

/** A pool with one sound record of each kind. @returns ids of a waiting, a failed and a succeeded call */
const furnish = async () => {
  await client.flushall();
  told = [];
  await operations?.close();
  operations = openOperations(board.config, 'test', tuner);
  store = redisStore({
    client,
    prefix: 'flame',
    app: 'shop',
    clock: systemClock,
    onDamage: ({ what }) => told.push(what),
  });
  house = createHousekeeping(client, keys(), 'main', board.config, { onDamage: ({ what }) => told.push(what) });
  const succeeded = (await board.flame.cast(fn('good'), 1)).id;
  await board.settle({ value: 1 });
  const failed = (await board.flame.cast(fn('good'), 2)).id;
  await board.settle({ error: new Error('no') });
  await board.flame.schedule('sound', { every: '1h' }, fn('good'), 1);
  const waiting = (await board.flame.cast(fn('good'), 3)).id;
  const intent = newIntent(
    { runnerId: 'main-r1-a', pool: 'main', backend: 'local', release: 'test', slots: 1, env: {}, reason: 'x' },
    Date.now(),
  );
  await client.hset(app.intents, 'main-r1-a', JSON.stringify(intent));
  await client.hset(keys().runner('main-r1-a'), { state: 'ready', heartbeatAt: Date.now(), slots: 1 });
  await client.zadd(keys().runners, Date.now(), 'main-r1-a');
  return { succeeded, failed, waiting };
};

const garbage = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.json({ maxDepth: 2 }),
  fc.constantFrom('{', '[]', 'null', '""', '{}', 'NaN', '1e999', '-1', '{"ok":1}', '{"id":"bad"}', '\u0000\uffff'),
);

/** How each kind is damaged, and whether somebody has to be told of it. */
const KINDS: Readonly<Record<string, { damage(text: string): Promise<unknown>; named?: boolean }>> = {
  'pool registry': { damage: (text) => client.hset(app.pools, { main: text, other: text, third: text }), named: true },
  heartbeat: { damage: (text) => client.set(app.heartbeat, text) },
  intents: { damage: (text) => client.hset(app.intents, 'main-bad-a', text), named: true },
  schedules: {
    damage: async (text) => {
      await client.hset(keys().schedules, 'bad', text);
      await client.zadd(keys().scheduleMoments, 1, 'bad');
    },
    named: true,
  },
  'runner records': {
    damage: async (text) => {
      const fields = ['state', 'slots', 'active', 'heartbeatAt', 'startedAt', 'idleSince', 'ackedDrain', 'drain'];
      await client.hset(keys().runner('main-bad-a'), Object.fromEntries(fields.map((field) => [field, text])));
      await client.zadd(keys().runners, 1, 'main-bad-a');
    },
  },
  'a runner record of another type': {
    damage: async (text) => {
      await client.set(keys().runner('main-bad-a'), text);
      await client.zadd(keys().runners, 1, 'main-bad-a');
    },
  },
  settings: {
    damage: (text) => client.hset(keys().settings, { max: `x${text}`, policy: text, override: text, at: text }),
    named: true,
  },
  orders: { damage: (text) => client.hset(keys().orders, 'main-bad-a', text), named: true },
  history: { damage: (text) => client.xadd(keys().history, '*', 'at', text, 'waiting', text, 'wanted', text) },
  events: { damage: (text) => client.xadd(keys().events, '*', 'at', text, 'type', text, 'details', text) },
  pauses: { damage: (text) => client.hset(`${keys().base}:pause`, { since: text, total: text }) },
  'last start': { damage: (text) => client.set(keys().lastStart, text) },
  jobs: {
    damage: async (text) => {
      const id = `main.${BAD}`;
      const fields = ['name', 'data', 'opts', 'progress', 'parent', 'stacktrace', 'returnvalue', 'timestamp'];
      const own = ['f:gen', 'f:since', 'f:pz', 'f:qt', 'f:dl', 'f:loss', 'f:w', 'priority', 'atm', 'ats', 'finishedOn'];
      await client.hset(
        `${keys().queue}${id}`,
        Object.fromEntries([...fields, ...own].map((field) => [field, text])) as never,
      );
      await client.lpush(`${keys().queue}wait`, id);
      await client.zadd(`${keys().queue}failed`, 1, id);
      await client.zadd(keys().expiry, 1, id);
    },
  },
  outcomes: {
    damage: async (text) => {
      const id = `main.${BAD}`;
      await client.hset(keys().outcome(id), { gen: text, head: text, body: text, fp: text, at: text });
      await client.hset(`${keys().queue}${id}`, { 'f:gen': text, name: 'good', data: text });
      await client.zadd(`${keys().queue}completed`, 1, id);
    },
  },
};

describe.each(Object.entries(KINDS))('C-04 C-05 T-10: %s', (kind, { damage, named = false }) => {
  test('that are damaged cost nothing but themselves', async () => {
    await fc.assert(
      fc.asyncProperty(garbage, async (text) => {
        const ids = await furnish();
        await damage(text);

        // The pages and the command line.
        const pools = await operations.pools();
        expect(pools.find(({ name }) => name === 'main')).toMatchObject({ failed: kind === 'jobs' ? 2 : 1 });
        expect((await operations.runners('main')).map(({ runnerId }) => runnerId)).toContain('main-r1-a');
        const page = await operations.calls({ limit: 50 });
        expect(page.calls.map(({ id }) => id)).toEqual(expect.arrayContaining(Object.values(ids)));
        await operations.events(undefined, 10);
        await operations.history('main', 10);
        await operations.times('main');
        await operations.tuning('main');
        // It stands on the live settings, and says which of them cannot be read.
        const replay = operations.replay('main', { buffer: 3 });
        if (kind === 'settings') await expect(replay).rejects.toMatchObject({ code: 'FLAME_ERR_CONFIG' });
        else await replay;
        for (const id of [...Object.values(ids), `main.${BAD}`]) {
          await operations.call(id);
          await operations.arguments(id, { limit: 1_000, stacks: true });
          await operations.outcome(id, { limit: 1_000, stacks: true });
        }
        expect(await operations.call(ids.failed)).toMatchObject({ state: 'failed', text: 'Error: no' });
        for (const list of ['failed', 'completed', 'waiting']) {
          const shown = await board.ask(`/queues/api/queues?activeQueue=main&status=${list}&jobsPerPage=10`);
          expect([kind, list, shown.status]).toEqual([kind, list, 200]);
          expect(shown.text).toContain('good');
        }
        expect((await board.ask('/metrics')).status).toBe(200);

        // The autoscaler.
        expect((await store.intents()).map(({ runnerId }) => runnerId)).toContain('main-r1-a');
        expect((await store.observe('main', [], 0)).agents.map(({ runnerId }) => runnerId)).toContain('main-r1-a');
        await store.statuses();
        await house.recoverStalled();
        await house.promoteDelayed();
        await house.castScheduled();
        await house.expire();
        await house.sweep();

        // A caller.
        expect(await board.flame.attach(ids.waiting).status()).toMatchObject({ state: 'waiting' });
        expect(await board.flame.attach(ids.waiting).cancel()).toBe('cancelled');
        if (!named) return;
        expect((await operations.findings()).join()).toMatch(
          /damaged in Redis and skipped|live settings of pool "main" are not in force/,
        );
      }),
      { numRuns: 5 },
    );
  });
});

test('C-04: a damaged record of a runner holds no place under max', async () => {
  await furnish();
  await client.hset(app.intents, 'main-bad-a', '{');
  const lease = await store.acquire('me', 60_000, null);
  if (typeof lease !== 'object' || lease === null) throw new Error('no lease');
  const from = { pool: 'main', backend: 'local', release: 'test', slots: 1, env: {}, reason: 'x' };
  const record = newIntent({ ...from, runnerId: 'main-r2-a' }, Date.now());
  expect(await store.reserve(lease.epoch, [record], { max: 2, quota: 100 })).toEqual(['main-r2-a']);
  await store.intents();
  expect(told).toEqual(["the autoscaler's record of runner main-bad-a"]);
  const findings = await operations.findings();
  expect(findings).toContainEqual(expect.stringContaining(`HDEL "${app.intents}" "main-bad-a"`));
});

test('C-17: a schedule that nobody runs is a warning', async () => {
  await furnish();
  expect(await operations.findings()).toEqual([
    '1 schedule of pool "main" cast nothing: the autoscaler runs schedules, and none is running (`npx flamejs autoscaler`)',
  ]);
  const { system } = (await board.ask('/api/pools')).json;
  expect(system.warnings.join()).toContain('1 schedule of pool "main"');
});

test('C-17: a schedule that is late although an autoscaler runs is a warning', async () => {
  await furnish();
  await client.set(app.heartbeat, Date.now());
  await client.zadd(keys().scheduleMoments, Date.now() - 300_000, 'sound');
  expect((await operations.findings()).join()).toMatch(/schedule "sound" of pool "main" is late by \d+ s/);
});

test('C-12: a line of calls that was stopped stands among the warnings of a day, with its functions', async () => {
  await furnish();
  const now = await redisNow(client);
  const reason = '"again" is not called by "again", in the line of call main.x: it has cast 10 times within a second';
  const tell = (at: number, why: string) =>
    client.xadd(keys().events, '*', 'at', String(at), 'type', 'call.loop', 'runnerId', 'main-r1-a', 'reason', why);
  await tell(now - 2 * 86_400_000, 'long ago');
  const loopsOf = async (from: Operations) => (await from.findings()).filter((text) => text.startsWith('a line of'));
  expect(await loopsOf(operations)).toEqual([]);
  await tell(now - 1_000, 'the one before');
  await tell(now, reason);
  const later = openOperations(board.config, 'test', tuner);
  await later.link.ready();
  try {
    expect(await loopsOf(later)).toEqual([
      `a line of calls was stopped in pool "main", the newest of 2 within a day: ${reason}`,
    ]);
  } finally {
    await later.close();
  }
});
