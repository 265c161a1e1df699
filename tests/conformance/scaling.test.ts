/** Pools with a real autoscaler and real runner processes. */
import { afterEach, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

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

test('F34 no call starts after a drain was acknowledged, in rounds of calls racing with drains', {
  timeout: 600_000,
}, async () => {
  fleet = await startFleet({ pools: { main: { max: 4, maxConcurrency: 4, timeout: '30s' } } });
  const rounds = bySize({ push: 20, nightly: 250 });
  const keys = fleet.keys();
  // Drains and reactivations of one runner, while another one serves what it hands back.
  await fleet.runner();
  const drained = await fleet.runner();
  const record = keys.runner(drained.runnerId);
  let generation = 0;
  let stop = false;
  let made = 0;
  const load = async (): Promise<void> => {
    while (!stop) {
      expect(await fleet.flame.call(tasks.echo, made)).toBeDefined();
      made += 1;
    }
  };
  const lanes = Promise.all(Array.from({ length: 8 }, load));
  for (let round = 0; round < rounds; round += 1) {
    generation += 1;
    await fleet.client.hset(record, 'drain', generation, 'drainReason', 'test');
    await fleet.client.publish(keys.control, JSON.stringify({ type: 'drain', runnerId: drained.runnerId, generation }));
    if (round < rounds - 1) {
      // Taken back before it is acknowledged: the runner goes on.
      await fleet.client.hset(record, 'drain', 0);
      await fleet.client.publish(
        keys.control,
        JSON.stringify({ type: 'drain', runnerId: drained.runnerId, generation: 0 }),
      );
    }
  }
  await waitFor(async () => Number(await fleet.client.hget(record, 'ackedDrain')) === generation, {
    what: 'the drain to be acknowledged',
    timeoutMs: 30_000,
  });
  const servedAtAck = Number(await fleet.client.hget(record, 'served'));
  await waitFor(() => !drained.process.alive(), { what: 'the drained runner to end', timeoutMs: 30_000 });
  expect(Number(await fleet.client.hget(record, 'served'))).toBe(servedAtAck);
  expect(Number(await fleet.client.hget(record, 'active'))).toBe(0);
  stop = true;
  await lanes;
  expect(made).toBeGreaterThan(rounds);
  expect((await drained.process.exited).code).toBe(0);
});
