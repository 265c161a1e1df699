import { expect, test } from 'vitest';
import { startFleet, tasks } from '../support/fleet.ts';
import { settles, waitFor } from '../support/wait-for.ts';

test('A-06: short calls that come before idleShutdownAfter is over are all served by one runner, which then ends', async () => {
  const idleMs = 3_000;
  await using fleet = await startFleet({ pools: { main: { max: 1, idleShutdownAfter: `${idleMs}ms` } } });
  const autoscaler = await fleet.autoscaler();
  expect(await settles(fleet.flame.call(tasks.echo, 0), { what: 'the first call', timeoutMs: 60_000 })).toBe(0);
  const [first] = await fleet.runners();
  const client = fleet.client;
  const redisMs = async (): Promise<number> => Number((await client.time())[0]) * 1_000;
  const draining = async (): Promise<readonly string[]> =>
    (await client.xrange(fleet.keys().events, '-', '+'))
      .map(([, fields]) => fields.join(' '))
      .filter((text) => text.includes('runner.draining'));
  const until = (await redisMs()) + 3 * idleMs;
  let last = Number.POSITIVE_INFINITY;
  for (let call = 1; (await redisMs()) < until; call += 1) {
    // A pause of a third of the idle time, told by the runner's own record of the call before.
    await waitFor(async () => (await redisMs()) - ((await fleet.runners())[0]?.idleSince ?? last) >= idleMs / 3, {
      what: 'a pause',
    });
    expect(await settles(fleet.flame.call(tasks.echo, call), { what: `call ${call}`, timeoutMs: 60_000 })).toBe(call);
    last = await redisMs();
  }
  expect(await draining()).toEqual([]);
  expect((await fleet.runners()).map(({ runnerId }) => runnerId)).toEqual([first?.runnerId]);
  // Told by the autoscaler, and by the runner itself.
  await waitFor(async () => (await draining()).length > 0, { what: 'its drain', found: draining });
  expect(Number(/idle for (\d+) ms/.exec((await draining()).join())?.[1])).toBeGreaterThanOrEqual(idleMs);
  await autoscaler.stop();
});
