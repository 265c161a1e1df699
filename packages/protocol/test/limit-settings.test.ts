/** Limits as operators see and set them. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { explainWaiting } from '../src/explain.ts';
import { inspectCall } from '../src/inspection.ts';
import { readLimitKeys, readLimits, setLimit } from '../src/limit-settings.ts';
import { sweepLimits } from '../src/limit-sweep.ts';
import { describeLimits } from '../src/limits.ts';
import { keys, POOL, type PoolFixture, startPool } from './support.ts';

let pool: PoolFixture;
beforeAll(async () => {
  pool = await startPool();
});
afterAll(() => pool.stop());
beforeEach(() => pool.client.flushall());

const accept = (key: string, concurrency = 1): Promise<string> => {
  const limit = { name: 'openai', index: 0, concurrency, rate: { calls: 500, perMs: 60_000, smooth: false }, key };
  return pool.accept({ limits: describeLimits('resize', [limit]), release: 'v7' });
};
const sweep = async () => {
  await pool.client.del(`${keys.base}:limits-swept`);
  await sweepLimits(pool.client, keys);
};

test('L-15: limits are listed with their numbers and who has set them, and keys by their load', async () => {
  for (const key of ['a', 'b', 'b', 'b']) await accept(key);
  const declared = { limit: 'openai', concurrency: 1, rate: '500/60000', release: 'v7' };
  expect(await readLimits(pool.client, keys)).toEqual([{ ...declared, set: undefined, setBy: undefined }]);
  await setLimit(pool.client, keys, { limit: 'openai', concurrency: 3 }, 'ada');
  expect(await readLimits(pool.client, keys)).toEqual([{ ...declared, set: 3, setBy: 'ada' }]);
  expect(await readLimitKeys(pool.client, keys)).toEqual([
    { limit: 'openai', key: 'b', running: 1, held: 2 },
    { limit: 'openai', key: 'a', running: 1, held: 0 },
  ]);
});

test("L-15: a number that was set wins over the releases', one of a key over both, until it is taken back", async () => {
  const [first, second] = [await accept('t7'), await accept('t7')];
  await setLimit(pool.client, keys, { limit: 'openai', concurrency: 2 }, 'ada');
  await setLimit(pool.client, keys, { limit: 'openai', key: 't7', concurrency: 0 }, 'ben');
  await sweep();
  // What stood in the queue had not begun: it is held as well.
  expect(await pool.pickUp('r1')).toBeUndefined();
  const call = await inspectCall(pool.client, keys, first);
  expect(explainWaiting(POOL, call, undefined).text).toBe(
    'it waits for the limit "openai" of key "t7": 0 of 0 run (set by ben), 0 before it',
  );
  await setLimit(pool.client, keys, { limit: 'openai', key: 't7', concurrency: null }, 'ben');
  await sweep();
  expect([(await pool.pickUp('r1'))?.id, (await pool.pickUp('r1'))?.id]).toEqual([first, second]);
});

test('L-15: a limit that is not known and a number that is none are refused, and change nothing', async () => {
  await accept('a');
  const set = (limit: string, concurrency: number) => setLimit(pool.client, keys, { limit, concurrency }, 'ada');
  await expect(set('openia', 1)).rejects.toThrow('knows no limit "openia". Did you mean "openai"?');
  await expect(set('openai', -1)).rejects.toThrow('a whole number from 0');
  await expect(set('openai', 1.5)).rejects.toThrow('a whole number from 0');
  expect(await readLimits(pool.client, keys)).toMatchObject([{ set: undefined }]);
});
