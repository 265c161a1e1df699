/** The last runner of a pool is gone, and no other can be had for a while. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appKeys } from '@flamejs/protocol';
import { expect, test } from 'vitest';
import { startFleet, tasks } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';

/** A lock, the stalled check behind it, and slack for a busy machine. */
const NOTICED_MS = 20_000;

test('AS-14 F12 calls whose only runner is killed wait on although no runner is there, and run when capacity returns', async () => {
  await using fleet = await startFleet({ pools: { main: { min: 0, max: 1, maxConcurrency: 1, timeout: '60s' } } });
  const { client, flame } = fleet;
  await fleet.autoscaler();
  const call = flame.call(tasks.context.with({ queueTimeout: '2m' }));
  await call;
  const folder = await mkdtemp(join(tmpdir(), 'flame-only-'));
  // Its first attempt takes as long as it is let.
  const handle = await flame.cast(tasks.effectSlowFirst, join(folder, 'effects'), 50_000);
  const busy = await waitFor(async () => (await fleet.runners()).find(({ active }) => active > 0), {
    what: 'it to run',
  });
  const behind = await flame.cast(tasks.echo, 'behind');
  // From now on nothing may be launched.
  await client.hset(fleet.keys().settings, { paused: 'out', by: 'the test', at: String(Date.now()) });
  const { pools } = appKeys(fleet.config.prefix, fleet.config.app);
  const lookedAt = async (): Promise<number> => JSON.parse((await client.hget(pools, 'main')) ?? '{}').at ?? 0;
  for (let looks = 0; looks < 2; looks += 1) {
    const before = await lookedAt();
    await waitFor(async () => (await lookedAt()) > before, { what: 'the autoscaler to look at its settings' });
  }
  process.kill(busy.pid, 'SIGKILL');
  const queue = fleet.keys().queue;
  await waitFor(async () => (await client.llen(`${queue}wait`)) === 2 && (await client.llen(`${queue}active`)) === 0, {
    what: 'the call to wait again',
    timeoutMs: NOTICED_MS,
    found: async () => ({ waiting: await client.llen(`${queue}wait`), active: await client.llen(`${queue}active`) }),
  });
  await waitFor(async () => (await fleet.runners()).every(({ state }) => state !== 'ready'), {
    what: 'the runner to be missed',
    timeoutMs: NOTICED_MS,
    found: () => fleet.runners(),
  });
  await client.hset(fleet.keys().settings, { paused: '', by: 'the test', at: String(Date.now()) });
  // No further call has to arrive for that.
  expect(await handle.result()).toBe(2);
  expect(await behind.result()).toBe('behind');
  await rm(folder, { recursive: true });
});
