/** Schedules: no moment is lost, none comes back, and one that is damaged is nobody else's trouble. */

import { FlameConfigError } from '@flamejs/protocol/errors';
import { createHousekeeping, type Housekeeping } from '@flamejs/protocol/housekeeping';
import { redisNow } from '@flamejs/protocol/redis-now';
import { dueMoments, nextMoment } from '@flamejs/protocol/schedule-timing';
import type { DamagedRecord } from '@flamejs/protocol/stored';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import type { FlameFunction } from '../../src/types.ts';
import { type App, keys, startApp } from './app.ts';

let app: App;
let add: FlameFunction<[number, number], number>;
let house: Housekeeping;
let damage: DamagedRecord[];
let errors: string[];

beforeAll(async () => {
  app = await startApp({ maxPending: 50 });
  add = app.flame.fn('add', { pool: 'images' }, (a: number, b: number) => a + b);
});
afterAll(() => app.stop());
beforeEach(() => {
  damage = [];
  errors = [];
  house = createHousekeeping(app.client, keys, 'images', app.config, {
    onDamage: (record) => damage.push(record),
    onScheduleError: (id) => errors.push(id),
  });
});
afterEach(() => app.client.flushall());

const momentOf = async (id: string): Promise<number> => Number(await app.client.zscore(keys.scheduleMoments, id));
/** As if so much time had passed. */
const pass = async (id: string, ms: number): Promise<void> => {
  await app.client.zadd(keys.scheduleMoments, (await momentOf(id)) - ms, id);
};

test('C-16: a schedule that is removed while it is being run is gone', async () => {
  for (let round = 0; round < 40; round += 1) {
    const id = `round-${round}`;
    const handle = await app.flame.schedule(id, { every: '1h' }, add, 1, 2);
    await pass(id, 3_600_000);
    const [, removed] = await Promise.all([house.castScheduled(), handle.remove()]);
    expect([id, removed]).toEqual([id, true]);
    await house.castScheduled();
    expect([await app.client.hlen(keys.schedules), await app.client.zcard(keys.scheduleMoments)]).toEqual([0, 0]);
  }
});

test('C-16: two leaders that run the same schedule at once cast each moment once', async () => {
  await app.flame.schedule('both', { every: '1s' }, add, 1, 2);
  await pass('both', 5_000);
  const other = createHousekeeping(app.client, keys, 'images', app.config);
  const began = await redisNow(app.client);
  const runs = await Promise.all([house.castScheduled(), other.castScheduled(), house.castScheduled()]);
  const ids = new Set(runs.flatMap(({ cast }) => cast));
  expect(await app.client.llen(`${keys.queue}wait`)).toBe(ids.size);
  expect(await momentOf('both')).toBeGreaterThan(began);
});

test('C-16: a schedule that is replaced by another timing while it is run keeps the new one', async () => {
  await app.flame.schedule('changed', { every: '1h' }, add, 1, 2);
  await pass('changed', 3_600_000);
  await Promise.all([house.castScheduled(), app.flame.schedule('changed', { every: '1d' }, add, 1, 2)]);
  expect((await momentOf('changed')) % 86_400_000).toBe(0);
});

test('C-81: a schedule that is registered again when it is due loses no moment', async () => {
  await app.flame.schedule('nightly', { every: '1h' }, add, 1, 2);
  await pass('nightly', 3_600_000);
  const due = await momentOf('nightly');
  // Every deploy does this; another release, and other arguments, have the same timing.
  for (const from of [app.flame, app.other()]) await from.schedule('nightly', { every: '1h' }, add, 3, 4);
  expect(await momentOf('nightly')).toBe(due);
  expect((await house.castScheduled()).cast).toHaveLength(1);
});

test('C-81: registering all the time loses nothing and casts nothing twice', async () => {
  await app.flame.schedule('busy', { every: '1s' }, add, 1, 2);
  const from = await momentOf('busy');
  const cast = new Set<string>();
  await waitFor(
    async () => {
      await app.flame.schedule('busy', { every: '1s' }, add, 1, 2);
      for (const id of (await house.castScheduled()).cast) cast.add(id);
      return cast.size >= 3;
    },
    { what: 'three moments to be cast' },
  );
  expect(await momentOf('busy')).toBe(from + cast.size * 1_000);
});

test('C-81: another timing counts from now', async () => {
  await app.flame.schedule('moved', { cron: '0 3 * * *' }, add, 1, 2);
  await pass('moved', 86_400_000);
  await app.flame.schedule('moved', { cron: '0 3 * * *', tz: 'Asia/Tokyo' }, add, 1, 2);
  expect(await momentOf('moved')).toBeGreaterThan(await redisNow(app.client));
});

test('C-17: each second of a late run is cast, and one call after a long outage', async () => {
  await app.flame.schedule('seconds', { every: '1s' }, add, 1, 2);
  await pass('seconds', 7_000);
  const first = await momentOf('seconds');
  const { cast, nextInMs } = await house.castScheduled();
  const next = await momentOf('seconds');
  expect(cast).toHaveLength((next - first) / 1_000);
  expect(cast.length).toBeGreaterThanOrEqual(7);
  expect(nextInMs === undefined || nextInMs <= 1_000).toBe(true);
  await pass('seconds', 3_600_000);
  expect((await house.castScheduled()).cast).toHaveLength(1);
});

test('C-17: a full pool keeps the moment for later', async () => {
  await app.flame.schedule('full', { every: '1s' }, add, 1, 2);
  await pass('full', 25_000);
  for (let i = 0; i < 45; i += 1) await app.flame.cast(add, i, 1);
  const first = await house.castScheduled();
  expect(first.cast).toHaveLength(5);
  await app.client.del(`${keys.queue}wait`);
  const second = await house.castScheduled();
  expect(second.cast.length).toBeGreaterThanOrEqual(20);
  expect(new Set([...first.cast, ...second.cast]).size).toBe(first.cast.length + second.cast.length);
});

test('C-17: six-field cron expressions have every second, `H` the same one each time, and what never comes is refused', async () => {
  expect(dueMoments({ cron: '*/2 * * * * *' }, 10_000, 15_500, 'x')).toEqual({
    moments: [10_000, 12_000, 14_000],
    next: 16_000,
  });
  const hashed = { cron: 'H H * * *' };
  expect(nextMoment(hashed, 0, 'a')).toBe(nextMoment(hashed, 0, 'a'));
  await expect(app.flame.schedule('never', { cron: '0 0 30 2 *' }, add, 1, 2)).rejects.toBeInstanceOf(FlameConfigError);
});

const DAMAGE: readonly (readonly [string, string])[] = [
  ['no JSON', '{"id":'],
  ['another kind', '[]'],
  ['null', 'null'],
  ['no fields', '{}'],
  ['a bad timing', '{"id":"bad","functionName":"f","cron":"99 * * * *","call":{},"envelope":{}}'],
];

test.each(DAMAGE)('C-05: a schedule that is damaged (%s) is reported and skipped', async (_what, text) => {
  await app.flame.schedule('bad', { every: '1h' }, add, 1, 2);
  await app.flame.schedule('good', { every: '1h' }, add, 1, 2);
  await app.client.hset(keys.schedules, 'bad', text);
  for (const id of ['bad', 'good']) await pass(id, 3_600_000);
  expect((await house.castScheduled()).cast).toHaveLength(1);
  expect(damage).toMatchObject([{ key: keys.schedules, field: 'bad' }]);
  expect(errors).toEqual([]);
  // Written again it is a schedule as every other.
  await app.flame.schedule('bad', { every: '1h' }, add, 1, 2);
  await pass('bad', 3_600_000);
  expect((await house.castScheduled()).cast).toHaveLength(1);
});

test('C-05: schedules that cannot be read at all keep no delayed call back', async () => {
  await app.client.set(keys.schedules, 'no hash');
  const { id } = await app.flame.cast(add.with({ delay: '1h' }), 1, 2);
  await app.client.zadd(`${keys.queue}delayed`, 'XX', 0, id);
  expect(await house.promoteDelayed()).toBe(1);
});
