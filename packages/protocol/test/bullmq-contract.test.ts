/** What our scripts rely on in BullMQ. An upgrade that moves any of it turns these red before it loses anybody's call. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { BULLMQ_VERSION, composeScript } from '../src/bullmq-scripts.ts';
import { GRAFTS } from '../src/lua/grafts.ts';
import { finish, keys, type PoolFixture, startPool } from './support.ts';

let pool: PoolFixture;
beforeAll(async () => {
  pool = await startPool();
});
afterAll(() => pool.stop());

test('the grafts were written for the installed version', () => {
  expect(BULLMQ_VERSION).toBe('6.7.0');
});

test.each(Object.keys(GRAFTS))('script %s can be extended: it exists and holds every text that we replace', (name) => {
  const script = composeScript(name);
  expect(script.content).toContain('local function bullmq()');
  expect(script.keys).toBeGreaterThan(0);
});

test('an accepted call stands in `wait`, with a marker, and its hash has the fields that we read', async () => {
  const id = await pool.accept();
  expect(await pool.client.lrange(`${keys.queue}wait`, 0, -1)).toEqual([id]);
  expect(await pool.client.zscore(`${keys.queue}marker`, '0')).toBe('0');
  const hash = await pool.client.hgetall(`${keys.queue}${id}`);
  expect(hash).toMatchObject({ name: 'resize', data: '{"v":1}', 'f:gen': '1', 'f:fp': '' });
  expect(Number(hash.timestamp)).toBeGreaterThan(1e12);
});

test('a picked-up call stands in `active`, is locked by its runner, and has counted `ats`', async () => {
  const picked = await pool.pickUp('r1');
  const id = picked?.id ?? '';
  expect(await pool.client.lrange(`${keys.queue}active`, 0, -1)).toEqual([id]);
  expect(await pool.client.get(`${keys.queue}${id}:lock`)).toBe('r1');
  expect(await pool.client.hget(`${keys.queue}${id}`, 'ats')).toBe('1');
  expect(await pool.client.hget(`${keys.queue}${id}`, 'f:run')).toBe('r1');
});

test('a stalled check takes an active call without a lock back to `wait` at its second pass and counts `stc`', async () => {
  const [id = ''] = await pool.client.lrange(`${keys.queue}active`, 0, -1);
  await pool.client.del(`${keys.queue}${id}:lock`);
  // This server has just started, so that for the time of a lock nobody may conclude anything from a lock that is missing.
  const taken = await waitFor(
    async () => {
      await pool.client.del(`${keys.queue}stalled-check`);
      const ids = await pool.backend.moveStalledJobsToWait();
      return ids.length > 0 ? ids : undefined;
    },
    { what: 'the stalled check to take the call back', everyMs: 200 },
  );
  expect(taken).toEqual([id]);
  expect(await pool.client.lrange(`${keys.queue}wait`, 0, -1)).toEqual([id]);
  expect(await pool.client.hget(`${keys.queue}${id}`, 'stc')).toBe('1');
});

test('a finished call stands in `completed`, without lock, and has counted `atm`', async () => {
  const picked = await pool.pickUp('r1');
  if (picked === undefined) throw new Error('nothing to pick up');
  await finish(pool, picked.id, picked.attempt, 'r1');
  expect(await pool.client.zscore(`${keys.queue}completed`, picked.id)).not.toBeNull();
  expect(await pool.client.exists(`${keys.queue}${picked.id}:lock`)).toBe(0);
  expect(await pool.client.hget(`${keys.queue}${picked.id}`, 'atm')).toBe('1');
});

test('delayed calls stand in `delayed`, scored by Redis ms times 4096, prioritized ones in `prioritized`', async () => {
  const delayed = await pool.accept({ delayMs: 60_000 });
  const [seconds] = await pool.client.time();
  const dueAt = Number(await pool.client.zscore(`${keys.queue}delayed`, delayed)) / 4096;
  expect(dueAt - Number(seconds) * 1000).toBeGreaterThan(58_000);
  expect(dueAt - Number(seconds) * 1000).toBeLessThan(62_000);
  const prioritized = await pool.accept({ priority: 5 });
  expect(await pool.client.zscore(`${keys.queue}prioritized`, prioritized)).not.toBeNull();
});

test('the events of BullMQ hold no result, and are capped at about a thousand once anybody writes them', async () => {
  expect(await pool.client.hget(`${keys.queue}meta`, 'opts.maxLenEvents')).toBe('1000');
  const events = JSON.stringify(await pool.client.xrange(`${keys.queue}events`, '-', '+'));
  expect(events).not.toContain('"42"');
});
