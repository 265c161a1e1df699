/** map, schedule, link, removal and admission, from the caller's side. */
import { setTimeout as sleep } from 'node:timers/promises';
import { callBackendFactory } from '@flamejs/protocol/call-backend-factory';
import {
  FlameCancelledError,
  FlameConfigError,
  FlameQueueFullError,
  FlameRemovedError,
} from '@flamejs/protocol/errors';
import { createHousekeeping } from '@flamejs/protocol/housekeeping';
import { redisNow } from '@flamejs/protocol/redis-now';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';

let running = 0;
let most = 0;
const double = defineFunction('double', { pool: 'images' }, async (n: number) => {
  running += 1;
  most = Math.max(most, running);
  await sleep(n % 3);
  running -= 1;
  if (n === 13) throw new Error('thirteen');
  return n * 2;
});
const sum = defineFunction('sum', { pool: 'images' }, (a: number, b: number) => a + b);

let app: App;
beforeEach(async () => {
  app = await startApp();
  most = 0;
});
afterEach(() => app.stop());

const collect = async <T>(iterable: AsyncIterable<T>): Promise<T[]> => {
  const values: T[] = [];
  for await (const value of iterable) values.push(value);
  return values;
};

test('map yields the values in the order of the inputs, with no more under way than it may', async () => {
  app.serve(50);
  let read = 0;
  function* inputs(): Generator<number> {
    for (let i = 100; i < 160; i += 1) {
      read += 1;
      yield i;
    }
  }
  const values: number[] = [];
  for await (const value of app.flame.map(double, inputs(), { concurrency: 8 })) {
    values.push(value);
    expect(read - values.length).toBeLessThanOrEqual(8);
  }
  expect(values).toEqual(Array.from({ length: 60 }, (_, i) => (i + 100) * 2));
  expect(most).toBeLessThanOrEqual(8);
});

test('map takes lists of arguments, async inputs, and can yield as completed with outcomes', async () => {
  app.serve();
  expect(
    await collect(
      app.flame.map(sum, [
        [1, 2],
        [3, 4],
      ]),
    ),
  ).toEqual([3, 7]);
  async function* later(): AsyncGenerator<number> {
    for (const n of [12, 13, 14]) yield n;
  }
  const outcomes = await collect(app.flame.map(double, later(), { ordered: false, outcomes: true }));
  expect(outcomes.map((o) => o.index).sort()).toEqual([0, 1, 2]);
  const failed = outcomes.filter((o) => !o.ok);
  expect(failed).toHaveLength(1);
  expect(failed[0]).toMatchObject({ index: 1, error: { message: 'thirteen' } });
});

test('the first error ends a map and cancels what waits', async () => {
  const never = collect(app.flame.map(double, [13, 14, 15], { concurrency: 3 })).catch((e: unknown) => e);
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 3, { what: 'three calls to wait' });
  const waiting = await app.client.lrange(`${keys.queue}wait`, 0, -1);
  // Only the first may run, so that the others are waiting when it fails.
  await app.client.del(`${keys.queue}wait`);
  await app.client.rpush(`${keys.queue}wait`, String(waiting.at(-1)));
  app.serve(1);
  expect(await never).toMatchObject({ message: 'thirteen' });
  await expect(collect(app.flame.map(double, [1], { concurrency: 0 }))).rejects.toBeInstanceOf(FlameConfigError);
});

test('a consumer that stops early cancels the calls under way', async () => {
  const iterator = app.flame.map(double, [1, 2, 3], { concurrency: 3 });
  const first = iterator.next();
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 3, { what: 'three calls to wait' });
  const ids = await app.client.lrange(`${keys.queue}wait`, 0, -1);
  await app.client.ltrim(`${keys.queue}wait`, -1, -1);
  app.serve(1);
  await first;
  const backend = callBackendFactory({ client: app.client })('images', { prefix: keys.base });
  await iterator.return();
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 0, { what: 'nothing to wait any more' });
  expect(ids).toHaveLength(3);
  backend.removeAllListeners();
});

test('a schedule casts one call for each moment, whoever runs it, and catches up once', async () => {
  app.serve();
  const handle = await app.flame.schedule('nightly', { every: '1h' }, sum, 2, 3);
  const house = createHousekeeping(app.client, keys, 'images', app.config);
  expect((await house.castScheduled()).cast).toEqual([]);
  // Three moments pass while nobody runs schedules.
  const late = Number(await app.client.zscore(keys.scheduleMoments, 'nightly')) - 3 * 3_600_000;
  await app.client.zadd(keys.scheduleMoments, late, 'nightly');
  expect((await house.castScheduled()).cast).toHaveLength(1);
  // A second leader with the same moment before it makes no second call.
  await app.client.zadd(keys.scheduleMoments, late, 'nightly');
  await createHousekeeping(app.client, keys, 'images', app.config).castScheduled();
  await waitFor(async () => (await app.client.zcard(`${keys.queue}completed`)) === 1, { what: 'the call to be done' });
  expect(await app.client.zcard(`${keys.queue}completed`)).toBe(1);
  expect(await handle.remove()).toBe(true);
  expect(await handle.remove()).toBe(false);
});

test('bad schedules are refused with the reason', async () => {
  await expect(app.flame.schedule('x', { cron: '99 * * * *' }, sum, 1, 2)).rejects.toBeInstanceOf(FlameConfigError);
  await expect(app.flame.schedule('x', { cron: '* * * * *', tz: 'Mars/Base' }, sum, 1, 2)).rejects.toBeInstanceOf(
    FlameConfigError,
  );
  await expect(app.flame.schedule('x', {}, sum, 1, 2)).rejects.toThrow(/either/);
  await expect(app.flame.schedule('x', { every: '10ms' }, sum, 1, 2)).rejects.toThrow(/at least/);
});

test('F14 a linked call is cancelled when its caller is gone, an unlinked one is not', async () => {
  const linked = await app.flame.cast(sum.with({ link: true }), 1, 2);
  const other = await app.flame.cast(sum, 1, 2);
  const house = createHousekeeping(app.client, keys, 'images');
  expect(await house.expire()).toBe(0);
  await app.flame.close();
  expect(await house.expire()).toBe(1);
  await expect(app.other().attach(linked.id).result()).rejects.toBeInstanceOf(FlameCancelledError);
  expect(await app.client.lrange(`${keys.queue}wait`, 0, -1)).toEqual([other.id]);
});

test('AW-04 R-23 removing a call by hand tells its caller at once', async () => {
  const promise = app.flame.call(sum, 1, 2).catch((e: unknown) => e);
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  const [id = ''] = await app.client.lrange(`${keys.queue}wait`, 0, 0);
  const backend = callBackendFactory({ client: app.client })('images', { prefix: keys.base });
  await backend.remove(id, false);
  expect(await promise).toBeInstanceOf(FlameRemovedError);
});

test('RO-07 R-25 at 80 % of maxmemory new calls are refused, and those that Redis has still end', async () => {
  const pending = app.flame.call(sum, 1, 2);
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  // So that the last tenth is more than what connections and scripts take.
  await app.client.set('ballast', Buffer.alloc(30 * 1024 * 1024));
  const used = Number(/used_memory:(\d+)/.exec(await app.client.info('memory'))?.[1]);
  await app.client.config('SET', 'maxmemory', String(Math.round(used / 0.9)));
  const refused = await waitFor(
    () =>
      app.flame.call(sum.with({ queueTimeout: 300 }), 1, 2).then(
        () => undefined,
        (e: unknown) => (e instanceof FlameQueueFullError ? e : undefined),
      ),
    { what: 'admission to stop', everyMs: 200 },
  );
  expect(refused.message).toMatch(/memory/);
  app.serve();
  expect(await pending).toBe(3);
});

test('T-02: a signed call says when it is due, by the clock of Redis', async () => {
  await app.stop();
  app = await startApp({}, { signingKey: 'k'.repeat(40) });
  const handle = await app.flame.cast(sum.with({ delay: '1h' }), 1, 2);
  const { at } = JSON.parse((await app.client.hget(`${keys.queue}${handle.id}`, 'data')) ?? '') as { at: number };
  const dueInMs = at - (await redisNow(app.client));
  expect(dueInMs).toBeGreaterThan(3_600_000 - 60_000);
  expect(dueInMs).toBeLessThanOrEqual(3_600_000 + 1_000);
});
