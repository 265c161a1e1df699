/** Long-lived functions on runners. */
import { afterEach, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

test('F18 a placed function holds its slot, keeps its runner, and ends with its handle; a failing start rejects', {
  timeout: 180_000,
}, async () => {
  fleet = await startFleet({ pools: { main: { max: 2, maxConcurrency: 1, idleShutdownAfter: '1s' } } });
  await fleet.autoscaler();
  const child = await fleet.flame.placeChild(tasks.service, { ms: 50, value: 'address' });
  expect(child.value).toMatchObject({ value: 'address', pid: expect.any(Number) });
  // The record follows with the next heartbeat.
  const runner = await waitFor(async () => (await fleet.runners()).find((r) => r.active === 1 && r.idleSince === 0), {
    what: 'the runner to say that it is busy',
  });
  // Its slot is taken: another call gets a runner of its own, which idles out while the child's stays.
  expect(await fleet.flame.call(tasks.echo, 1)).toBe(1);
  await waitFor(async () => (await fleet.runners()).length === 1, {
    what: 'the other runner to idle out',
  });
  expect((await fleet.runners())[0]?.runnerId).toBe(runner.runnerId);
  await child.stop('no longer needed');
  await expect(child.ended).rejects.toMatchObject({ name: 'FlameCancelledError', reason: 'no longer needed' });
  await waitFor(async () => (await fleet.runners()).length === 0, {
    what: 'its runner to idle out',
  });
  await expect(fleet.flame.placeChild(tasks.service, { fails: true })).rejects.toThrow('no port is free');
  await expect(fleet.flame.placeChild(tasks.echo, 'at once')).rejects.toThrow(/without calling context\(\)\.ready/);
});
