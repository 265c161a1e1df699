/** Pools with a real autoscaler and real runner processes. */
import { afterEach, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

test('F02 a free slot is used before a runner is started; at max, calls wait in their order', {
  timeout: 120_000,
}, async () => {
  fleet = await startFleet({
    pools: { main: { max: 2, maxConcurrency: 2, timeout: '30s', idleShutdownAfter: '60s' } },
  });
  await fleet.autoscaler();
  const runnerOf = async (): Promise<string> =>
    ((await fleet.flame.call(tasks.where)) as { runnerId: string }).runnerId;
  const first = await runnerOf();
  // One slot of two is taken: the other one is used, and nothing is started.
  const long = fleet.flame.call(tasks.wait, 1_500);
  expect(await runnerOf()).toBe(first);
  expect(await fleet.runners()).toHaveLength(1);
  await long;
  // Ten calls and four slots: two runners, never three, and the rest in the order in which they came.
  const order: number[] = [];
  const calls = Array.from({ length: 10 }, async (_, i) => {
    await fleet.flame.call(tasks.wait, 400);
    order.push(i);
  });
  let most = 0;
  const watching = setInterval(async () => {
    most = Math.max(most, (await fleet.runners()).length);
  }, 50);
  await Promise.all(calls);
  clearInterval(watching);
  expect(most).toBeLessThanOrEqual(2);
  for (const [at, i] of order.entries()) expect(Math.abs(at - i)).toBeLessThanOrEqual(4);
});
