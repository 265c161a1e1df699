/** Which pick-ups count as attempts, and what is remembered of those that did not settle their call. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runScript } from '../src/connect.ts';
import { parseHistory } from '../src/history.ts';
import { inspectCall } from '../src/inspection.ts';
import { createRetries } from '../src/retry.ts';
import type { Verdict } from '../src/store/call-store.ts';
import { lookupCall, settleWaiting } from '../src/store/redis-outcomes.ts';
import { finish, keys, move, okHead, type PoolFixture, startPool } from './support.ts';

let pool: PoolFixture;
beforeAll(async () => {
  pool = await startPool();
});
afterAll(() => pool.stop());
beforeEach(() => pool.client.flushall());

/** Picks it up as this runner, and hands it back. */
const handBack = async (runner: string, verdict: Partial<Verdict>): Promise<string> => {
  const taken = await pool.pickUp(runner);
  if (taken === undefined) throw new Error(`${runner} found no call`);
  const { id, attempt } = taken;
  await move(pool, id, attempt, runner, verdict);
  return id;
};
const lose = (runner: string) => runScript(pool.client, 'flameReleaseRunner', [keys.queue, runner]);
const attemptOf = async (runner: string) => {
  const { pickUp } = (await pool.pickUp(runner)) ?? {};
  return pickUp === undefined ? undefined : pickUp.ats - pickUp.attemptsBefore - pickUp.handedBack;
};

test('C-36: a pick-up that goes back before anything has begun is no attempt', async () => {
  await pool.accept();
  let id = '';
  for (let i = 0; i < 3; i += 1) id = await handBack('r1', { unbegun: true });
  expect(await inspectCall(pool.client, keys, id)).toMatchObject({ attempts: 0 });
  expect(await attemptOf('r2')).toBe(1);
});

test('C-36: one that had begun is, and so is one whose runner was lost', async () => {
  await pool.accept();
  await handBack('r1', { ended: 'its runner ends' });
  expect(await attemptOf('r2')).toBe(2);
  await lose('r2');
  expect(await attemptOf('r3')).toBe(3);
});

test('C-36: a retry by hand begins to count anew', async () => {
  const id = await pool.accept();
  await handBack('r1', { unbegun: true });
  const body = Buffer.from('1');
  await settleWaiting(pool.client, keys, id, { generation: 1, head: { ...okHead, ok: false }, body });
  expect(await createRetries(pool.client, keys).retry(id)).toBe('retried');
  expect(await attemptOf('r1')).toBe(1);
});

test('C-32: what became of each attempt is kept with the call: its runner, its times, how it ended, its last lines', async () => {
  await pool.accept();
  const id = await handBack('r1', { ended: 'its runner ends (sigterm)' });
  const job = `${keys.queue}${id}`;
  await pool.pickUp('r2');
  await pool.client.rpush(`${job}:logs`, ...Array.from({ length: 8 }, (_, at) => `line ${at}`));
  await lose('r2');
  const last = await pool.pickUp('r3');
  const { history } = await inspectCall(pool.client, keys, id);
  expect(history).toMatchObject([
    { runnerId: 'r1', ended: 'its runner ends (sigterm)', lines: [] },
    { runnerId: 'r2', ended: 'its runner was lost', lines: ['line 3', 'line 4', 'line 5', 'line 6', 'line 7'] },
  ]);
  for (const { startedAt, endedAt } of history) expect(endedAt).toBeGreaterThanOrEqual(startedAt);
  expect(history[0]?.startedAt).toBeGreaterThan(0);
  await finish(pool, id, last?.attempt ?? 0, 'r3');
  expect((await lookupCall(pool.client, keys, id, '')).state).toBe('settled');
  // As long as its outcome, when its job is gone.
  await pool.client.del(job);
  expect((await inspectCall(pool.client, keys, id)).history).toHaveLength(2);
});

test('C-32: the history is bounded, the newest stay', async () => {
  await pool.accept();
  let id = '';
  for (let i = 1; i <= 14; i += 1) id = await handBack(`r${i}`, { ended: `end ${i}` });
  const { history } = await inspectCall(pool.client, keys, id);
  expect(history.map(({ ended }) => ended)).toEqual(Array.from({ length: 10 }, (_, at) => `end ${at + 5}`));
});

test('C-32: a history that cannot be read is none, and keeps nothing from running', async () => {
  await pool.accept();
  const id = await handBack('r1', { ended: 'first' });
  await pool.client.hset(`${keys.queue}${id}`, 'f:hist', '{');
  await handBack('r2', { ended: 'second' });
  expect((await inspectCall(pool.client, keys, id)).history).toMatchObject([{ ended: 'second' }]);
  expect(parseHistory('7')).toEqual([]);
  expect(parseHistory('[null]')).toMatchObject([{ runnerId: '', lines: [] }]);
});
