/** Rates of limits: exact in every window, whatever ends, is lost or put back; and nothing waits for longer than its token. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { runScript } from '../src/connect.ts';
import { decideExpiry } from '../src/expiry.ts';
import { explainWaiting } from '../src/explain.ts';
import { inspectCall } from '../src/inspection.ts';
import { type CallLimit, describeLimits, gateOf, type Rate } from '../src/limits.ts';
import { finish, keys, move, POOL, type PoolFixture, startPool } from './support.ts';

let pool: PoolFixture;
beforeAll(async () => {
  pool = await startPool();
});
afterAll(() => pool.stop());
beforeEach(() => pool.client.flushall());

const at = (calls: number, perMs: number, smooth = false): Rate => ({ calls, perMs, smooth });
const limited = (rate: Rate, key?: string, concurrency?: number): CallLimit => ({
  ...{ name: 'api', index: 0, key, rate, concurrency },
});
const accept = (...limits: CallLimit[]): Promise<string> => pool.accept({ limits: describeLimits('resize', limits) });
const gate = gateOf('resize', limited(at(1, 1)));
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const HOUR = 3_600_000;

const take = async () => {
  const taken = await pool.pickUp('r1');
  if (taken === undefined) throw new Error('nothing to pick up');
  return taken;
};
const end = async ({ id, attempt }: { id: string; attempt: number }) =>
  expect(await finish(pool, id, attempt, 'r1')).toBe('done');

/** Picks up whatever may begin until so many have. @returns Redis ms of each beginning */
const beginAll = async (count: number, more: () => Promise<void> = async () => undefined): Promise<number[]> => {
  const began: number[] = [];
  while (began.length < count) {
    const taken = await pool.pickUp('r1');
    if (taken === undefined) await sleep(1);
    else {
      began.push(taken.pickUp?.at ?? 0);
      await end(taken);
    }
    await more();
  }
  return began;
};

const mostInWindow = (began: readonly number[], perMs: number): number =>
  Math.max(...began.map((from) => began.filter((time) => time >= from && time < from + perMs).length));

test('L-13: a burst of as many calls as the rate has begins at once; the next one when the first is a window old', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 5; i += 1) ids.push(await accept(limited(at(3, 300))));
  const began = await beginAll(5);
  expect(mostInWindow(began, 300)).toBe(3);
  expect((began[3] ?? 0) - (began[0] ?? 0)).toBeGreaterThanOrEqual(300);
  expect((await pool.client.keys('*')).filter((name) => /:(places|held):|:gates$/.test(name))).toEqual([]);
});

test.each([
  ['exact', at(2, 40)],
  ['exact', at(7, 60)],
  ['smooth', at(5, 50, true)],
])(
  'L-13: in no window are there more beginnings than the rate says, however calls come and end (%s %j)',
  async (_, rate) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 5, maxLength: 15 }), async (pauses) => {
        await pool.client.flushall();
        const left = [...pauses];
        const began = await beginAll(pauses.length, async () => {
          const pause = left.shift();
          if (pause === undefined) return;
          await accept(limited(rate));
          if (pause > 15) await sleep(pause);
        });
        expect(mostInWindow(began, rate.perMs)).toBeLessThanOrEqual(rate.calls);
        if (rate.smooth)
          for (const [i, time] of began.entries())
            if (i > 0) expect(time - (began[i - 1] ?? 0)).toBeGreaterThanOrEqual(rate.perMs / rate.calls);
      }),
      { numRuns: bySize({ push: 8, nightly: 200 }) },
    );
  },
  120_000,
);

test('L-13: large numbers are counted in slots, on the careful side', async () => {
  const rate = at(1_200, 1_000);
  const many = 1_300;
  const limits = describeLimits('resize', [limited(rate)]);
  for (let i = 0; i < many; i += 1) await pool.accept({ limits, maxPending: 2 * many });
  const began = await beginAll(many);
  expect(mostInWindow(began, 1_000)).toBeLessThanOrEqual(1_200);
  expect(await pool.client.zcard(`${keys.base}:slots:${gate}`)).toBeLessThanOrEqual(102);
}, 60_000);

test('L-13: a clock that stepped back gives nothing, and keeps nobody for longer than a window', async () => {
  await accept(limited(at(2, HOUR)));
  await end(await take());
  const starts = `${keys.base}:starts:${gate}`;
  const [[member] = ['']] = [await pool.client.zrange(starts, '0', '-1')];
  await pool.client.zadd(starts, Date.now() + 10 * HOUR, member ?? '');
  await accept(limited(at(2, HOUR)));
  await end(await take());
  const held = await accept(limited(at(2, HOUR)));
  expect(await pool.pickUp('r1')).toBeUndefined();
  const { tokenAt = 0 } = (await inspectCall(pool.client, keys, held)).held ?? {};
  expect(tokenAt).toBeLessThanOrEqual(Date.now() + HOUR + 5_000);
});

test('L-13: keys have tokens of their own, and what is held by one holds up nobody else', async () => {
  const a = await accept(limited(at(1, HOUR), 'a'));
  const second = await accept(limited(at(1, HOUR), 'a'));
  const b = await accept(limited(at(1, HOUR), 'b'));
  expect([(await take()).id, (await take()).id]).toEqual([a, b]);
  expect(await pool.pickUp('r1')).toBeUndefined();
  const call = await inspectCall(pool.client, keys, second);
  expect(explainWaiting(POOL, call, undefined)).toMatchObject({
    reason: 'limit',
    text: expect.stringMatching(
      /^it waits for the limit "api" of key "a": 1 begins in 1h, the next in 3[56]\d\d\.\d s, 0 before it$/,
    ),
  });
  // A token is on its way: no default bound runs.
  const late = { ...call, waitedMs: 99_000 };
  expect(decideExpiry(late, { limitMs: 60_000, watchedMs: Number.POSITIVE_INFINITY }).kind).toBe('keep');
});

test('L-14: each beginning takes a token, a retry and a loss too; one that is put back unbegun keeps its own', async () => {
  const id = await accept(limited(at(3, HOUR)));
  const first = await take();
  await move(pool, id, first.attempt, 'r1', { unbegun: true });
  const second = await take();
  await move(pool, id, second.attempt, 'r1', { unbegun: true });
  const third = await take();
  expect(await pool.client.zcard(`${keys.base}:starts:${gate}`)).toBe(1);
  await move(pool, id, third.attempt, 'r1', { kind: 'retry' });
  const fourth = await take();
  expect(await pool.client.zcard(`${keys.base}:starts:${gate}`)).toBe(2);
  await runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1']);
  await sleep(2);
  const fifth = await take();
  expect([fifth.id, fifth.pickUp?.runnerLosses]).toEqual([id, 1]);
  expect(await pool.client.zcard(`${keys.base}:starts:${gate}`)).toBe(3);
  expect(fifth.attempt).toBe(fourth.attempt + 1);
  await runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1']);
  expect(await pool.pickUp('r1')).toBeUndefined();
  // It has begun: it keeps its place while it waits for a token.
  expect(Number(await pool.client.zscore(`${keys.base}:places:${gate}`, id))).toBeGreaterThan(0);
});

test('L-14: tokens of calls that stand in the queue are kept for them, and go to others when they are cancelled', async () => {
  const [a, b] = [await accept(limited(at(1, HOUR))), await accept(limited(at(1, HOUR)))];
  expect(await pool.client.lrange(`${keys.queue}wait`, '0', '-1')).toEqual([a]);
  await pool.backend.remove(a, false);
  expect((await take()).id).toBe(b);
});

test('L-13: a rate and a number of one limit hold together', async () => {
  for (let i = 0; i < 4; i += 1) await accept(limited(at(3, HOUR), undefined, 1));
  for (let i = 0; i < 3; i += 1) {
    const taken = await take();
    expect(await pool.pickUp('r1')).toBeUndefined();
    await end(taken);
  }
  expect(await pool.pickUp('r1')).toBeUndefined();
});

test('L-13: a runner that waits for work is woken when the next token is due', async () => {
  await accept(limited(at(1, 400)));
  await end(await take());
  await accept(limited(at(1, 400)));
  const { dueInMs = 0 } = await pool.store.take(
    { runnerId: 'r1', release: 'r1' },
    { plain: 1, offer: [], offered: [] },
  );
  expect(dueInMs).toBeGreaterThan(0);
  expect(dueInMs).toBeLessThanOrEqual(402);
  await sleep(dueInMs + 5);
  await end(await take());
});
