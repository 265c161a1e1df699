/** Pools with a real autoscaler and real runner processes. */
import { appKeys } from '@flamejs/protocol';
import { afterEach, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

test('F02 a free slot is used before a runner is started; at max, calls wait in their order', {
  timeout: 180_000,
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

test('CO-04 a pool grows to as many runners as calls need, and they share the calls from the moment they are up', {
  timeout: 180_000,
}, async () => {
  const max = bySize({ push: 3, nightly: 5 });
  const bodyMs = bySize({ push: 1_000, nightly: 2_000 });
  const calls = max * bySize({ push: 4, nightly: 6 });
  fleet = await startFleet({ pools: { main: { min: 0, max, maxConcurrency: 1, timeout: '30s' } } });
  await fleet.autoscaler();
  const calledAt = performance.now();
  const firstAt = new Map<string, number>();
  const one = async (): Promise<void> => {
    const { runnerId } = (await fleet.flame.call(tasks.where, bodyMs)) as { readonly runnerId: string };
    if (!firstAt.has(runnerId)) firstAt.set(runnerId, performance.now());
  };
  await Promise.all(Array.from({ length: calls }, one));
  const endedAt = performance.now();
  expect(firstAt.size).toBe(max);
  process.stderr.write(`CO-04 ${JSON.stringify({ calls, max, wallMs: Math.round(endedAt - calledAt) })}\n`);
});

test('TK-16 a boot counts as waiting: a short timeout survives it, and a deadline that does not says what it waited for', {
  timeout: 180_000,
}, async () => {
  // A boot is longer than the timeout on every machine, and the timeout longer than the function takes on a slow one.
  const env = { FIXTURE_LOAD_MS: '3000' };
  fleet = await startFleet({ pools: { main: { min: 0, max: 1, maxConcurrency: 2, env } } });
  await fleet.autoscaler();
  const { pools } = appKeys(fleet.config.prefix, fleet.config.app);
  await waitFor(async () => (await fleet.client.hexists(pools, 'main')) === 1, { what: 'the pool to be looked at' });
  const deadline = fleet.flame.call(tasks.add.with({ deadline: '1s' }), 1, 1);
  const timeout = fleet.flame.call(tasks.add.with({ timeout: '2s' }), 2, 2);
  await expect(deadline).rejects.toMatchObject({
    name: 'FlameDeadlineError',
    message: expect.stringMatching(/its deadline passed while it was waiting: .*runner/),
  });
  expect(await timeout).toBe(4);
});
