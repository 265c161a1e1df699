/** How long calls waited and ran, from what Redis noted of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { timesOf } from '../src/operations/times.ts';
import { startBoard } from './support.ts';

test('percentiles are those of the nearest rank, and of nothing they are 0', () => {
  const calls = Array.from({ length: 100 }, (_, i) => ({
    at: 1_000 * i,
    waitMs: i + 1,
    runMs: 10 * (i + 1),
  })).reverse();
  const { count, waitMs, runMs, points } = timesOf(calls);
  expect([count, waitMs, runMs]).toEqual([100, { p50: 50, p95: 95, p99: 99 }, { p50: 500, p95: 950, p99: 990 }]);
  expect(points.length).toBeLessThanOrEqual(41);
  expect(points[0]).toEqual({ at: 0, waitMs: 3, runMs: 30 });
  expect(points.map(({ at }) => at)).toEqual(points.map(({ at }) => at).sort((a, b) => a - b));
  expect(timesOf([])).toEqual({
    count: 0,
    waitMs: { p50: 0, p95: 0, p99: 0 },
    runMs: { p50: 0, p95: 0, p99: 0 },
    points: [],
  });
});

test('a pool tells how long its calls waited and ran', async () => {
  await using board = await startBoard();
  const fn = board.flame.fn('timed', { pool: 'main' }, (_: number) => 0);
  expect((await board.ask('/api/pools/main')).json.times.count).toBe(0);
  for (let i = 0; i < 3; i += 1) await board.flame.cast(fn, i);
  await sleep(300);
  for (let i = 0; i < 3; i += 1) await board.settle({ value: i });
  const { times } = (await board.ask('/api/pools/main')).json;
  expect(times.count).toBe(3);
  // They waited for as long as the test did, and ran for no time at all.
  expect(times.waitMs.p50).toBeGreaterThanOrEqual(250);
  expect(times.waitMs.p99).toBeLessThan(30_000);
  expect(times.runMs.p99).toBeLessThan(times.waitMs.p50);
  expect(times.points.length).toBeGreaterThan(0);
});
