import { expect, test } from 'vitest';
import { isAlive } from '../../../tests/support/processes.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { startApp } from './support/app.ts';

const pidsOf = (records: readonly { readonly instanceId: string | null }[]): readonly number[] =>
  records.map(({ instanceId }) => Number(instanceId?.split('@')[0]));

test('F30 min runners are ready without any call, and one that dies is replaced within seconds', async () => {
  await using app = await startApp({ min: 2, max: 3 });
  await app.autoscaler.start();
  await app.waitForReady(2);
  const [victim] = pidsOf(await app.ready());
  process.kill(victim ?? 0, 'SIGKILL');
  await waitFor(
    async () => {
      const pids = pidsOf(await app.ready());
      return pids.length === 2 && !pids.includes(victim ?? 0);
    },
    { what: 'a replacement', found: app.intents },
  );
  expect(await app.events()).toContainEqual(
    expect.objectContaining({ type: 'runner.lost', reason: expect.stringContaining('SIGKILL') }),
  );
});

test('F03 sixty waiting calls start ceil(n / maxConcurrency) runners, never more than max', async () => {
  await using app = await startApp({ max: 4 });
  await app.autoscaler.start();
  await app.enqueue(60);
  await app.waitForReady(4);
  expect(app.autoscaler.status().pools.work).toMatchObject({ physical: 4, max: 4, desired: 12, wanted: 4 });
  await app.clearQueue();
  await app.enqueue(7);
  expect((await app.intents()).length).toBe(4);
});

test('AS-07 calls that a limit of the whole queue holds back start no runners', async () => {
  await using app = await startApp({ max: 10 });
  await app.client.hset(`${app.keys.queue}meta`, 'concurrency', 1);
  await app.autoscaler.start();
  await app.enqueue(50);
  await app.waitForReady(1);
  // Longer than it takes to want and to start more.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(app.autoscaler.status().pools.work).toMatchObject({ physical: 1, desired: 1 });
});

test('F04 calls that arrive while the first runner boots do not start a second one', async () => {
  await using app = await startApp({ max: 4, fixture: { bootMs: 1_000 } });
  await app.autoscaler.start();
  await app.enqueue(1);
  await waitFor(async () => (await app.intents()).length === 1, { what: 'the first runner' });
  await app.enqueue(1);
  await app.waitForReady(1);
  expect((await app.events()).filter(({ type }) => type === 'runner.requested')).toHaveLength(1);
});

test('F31 F32 a grown runner idle for idleShutdownAfter drains and ends, also one that never got a call; min stays', async () => {
  await using app = await startApp({ min: 1, max: 4, idleShutdownAfter: 1_500, fixture: { bootMs: 300 } });
  await app.autoscaler.start();
  await app.waitForReady(1);
  await app.enqueue(20);
  await app.waitForReady(4);
  const readyAt = Math.max(...(await app.ready()).map((record) => record.readyAt ?? 0));
  await app.clearQueue();
  await app.waitForReady(1);
  const drains = (await app.events()).filter(({ type }) => type === 'runner.draining');
  expect(drains).toHaveLength(3);
  for (const drain of drains) expect(Number(drain.at)).toBeGreaterThanOrEqual(readyAt + 1_400);
  expect(drains.every(({ reason }) => reason?.startsWith('idle for'))).toBe(true);
});

test('F31 a busy runner is not drained, and `unless` is asked before an idle one is', async () => {
  const asked: unknown[] = [];
  let keep = true;
  const unless = (info: unknown) => {
    asked.push(info);
    return keep;
  };
  await using app = await startApp({ max: 2, idleShutdownAfter: { after: 800, unless } });
  await app.autoscaler.start();
  await app.enqueue(1);
  await app.waitForReady(1);
  const [runner] = await app.ready();
  await app.clearQueue();
  await waitFor(() => asked.length >= 2, { what: 'the function to be asked twice' });
  expect(asked[0]).toMatchObject({ pool: 'work', runnerId: runner?.runnerId, idleMs: expect.any(Number) });
  expect(await app.ready()).toHaveLength(1);
  keep = false;
  await waitFor(async () => (await app.intents()).length === 0, { what: 'the runner to end', found: app.intents });
});

test('F33 hooks get pool, runner and counts; hooks that throw or hang harm nothing', async () => {
  const seen: Record<string, unknown[]> = { start: [], end: [], shrink: [] };
  const onGrowStart = (info: unknown) => {
    seen.start?.push(info);
    throw new Error('a bad hook');
  };
  const onGrowEnd = async (info: unknown) => {
    seen.end?.push(info);
    throw new Error('a bad hook');
  };
  const onShrink = (info: unknown) => {
    seen.shrink?.push(info);
    return new Promise(() => {});
  };
  await using app = await startApp({ max: 2, idleShutdownAfter: 500, onGrowStart, onGrowEnd, onShrink });
  await app.autoscaler.start();
  await app.enqueue(6);
  await app.waitForReady(2);
  await app.clearQueue();
  await waitFor(() => seen.shrink?.length === 2, { what: 'both to be gone', found: () => seen });
  expect(seen.start).toHaveLength(2);
  expect(seen.end).toHaveLength(2);
  expect(seen.start?.[0]).toMatchObject({ pool: 'work', runnerId: expect.any(String), count: expect.any(Number) });
  expect(seen.end?.[0]).toMatchObject({ pool: 'work', ok: true });
  expect(seen.shrink?.at(-1)).toMatchObject({ pool: 'work', count: 0, reason: expect.any(String) });
});

test('F36 start, ready, idle, drain and end of a runner are events with their reasons', async () => {
  await using app = await startApp({ max: 1, idleShutdownAfter: 800 });
  await app.autoscaler.start();
  await app.enqueue(1);
  await app.waitForReady(1);
  await app.clearQueue();
  await waitFor(async () => (await app.events()).some(({ type }) => type === 'runner.terminated'), {
    what: 'the end',
    found: app.events,
  });
  const events = await app.events();
  const types = events.filter(({ runnerId }) => runnerId !== '').map(({ type }) => type);
  expect(types).toEqual([
    'runner.requested',
    'runner.launched',
    'runner.ready',
    'runner.idle',
    'runner.draining',
    'runner.drained',
    'runner.terminated',
  ]);
  expect(events.every(({ reason }) => reason !== '')).toBe(true);
  expect(events.find(({ type }) => type === 'pool.scaled')?.reason).toContain('1 waiting');
  expect(Number(await app.client.xlen(app.keys.history))).toBeGreaterThan(0);
});

test('stop() leaves no local process, not even one that ignores SIGTERM and drains', async () => {
  const app = await startApp({ min: 2, max: 2, shutdownTimeout: 500, fixture: { ignoreSigterm: true } });
  await app.autoscaler.start();
  await app.waitForReady(2);
  const runners = await app.ready();
  const [busy] = runners;
  await app.client.hset(`${app.keys.base}:fixture:active`, busy?.runnerId ?? '', 1);
  await app.autoscaler.stop();
  expect(pidsOf(runners).filter(isAlive)).toEqual([]);
  expect(await app.intents()).toEqual([]);
  await app.redis.stop();
});
