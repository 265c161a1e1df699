/** The drain handshake, SIGTERM, and the ends that a runner gives itself. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlameRunnerLostError } from '@flamejs/queue';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../../../tests/support/processes.ts';
import { settles, waitFor } from '../../../tests/support/wait-for.ts';
import { linesOf, type RunnerProcess, type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.reset());
afterAll(() => stage.stop());

const order = async (runner: RunnerProcess, generation: number, reason = 'scale-down'): Promise<void> => {
  await stage.client.hset(stage.keys.runner(runner.runnerId), { drain: generation, drainReason: reason });
  const hint = { type: 'drain', runnerId: runner.runnerId, generation };
  await stage.client.publish(stage.keys.control, JSON.stringify(hint));
};

const started = (file: string, count = 1) =>
  waitFor(() => linesOf(readFileSync(file, 'utf8')).filter((line) => line.startsWith('start')).length >= count, {
    what: `${count} calls to start`,
  });

test('SD-10 F34 a drained runner lets its call finish, acknowledges with the number of the order, and ends with code 0', async () => {
  const runner = await stage.startRunner();
  const file = join(stage.folder, 'drain');
  const running = stage.call(stage.tasks.effect, file, 1_500, 'finished');
  await started(file);
  await order(runner, 7);
  await runner.reaches('draining');
  expect(await runner.record()).toMatchObject({ ackedDrain: '0', active: '1', reason: 'scale-down' });
  const later = await stage.cast(stage.tasks.effect, file, 0);
  expect(await running).toBe('finished');
  expect(await settles(runner.exited, { what: 'the runner to end' })).toEqual({ code: 0, signal: null });
  expect(await runner.record()).toMatchObject({ state: 'ended', ackedDrain: '7', active: '0' });
  expect(await stage.client.lrange(`${stage.keys.queue}wait`, 0, -1)).toEqual([later.id]);
  expect(await stage.client.zscore(stage.keys.runners, runner.runnerId)).toBeNull();
});

test('a drain that is taken back before its acknowledgement leaves a runner that works, and can be drained again', async () => {
  const runner = await stage.startRunner();
  const { wait, add } = stage.tasks;
  for (let round = 1; round <= 3; round += 1) {
    // For as long as this takes: once nothing runs, a drain is acknowledged.
    const running = await stage.cast(wait, 120_000);
    const isRunning = async () => (await stage.flame.attach(running.id).status()).state === 'running';
    await waitFor(isRunning, { what: 'it to run' });
    await order(runner, round);
    await runner.reaches('draining');
    await order(runner, 0);
    await runner.reaches('ready');
    expect(await stage.call(add, round, 1)).toBe(round + 1);
    expect(await isRunning()).toBe(true);
    await running.cancel();
    await waitFor(async () => !(await isRunning()), { what: 'it to end' });
  }
  await order(runner, 9);
  expect(await settles(runner.exited, { what: 'the runner to end' })).toEqual({ code: 0, signal: null });
  expect(await runner.record()).toMatchObject({ ackedDrain: '9' });
});

test('an idle runner that drains does not take a call that arrives in the same moment', async () => {
  const runner = await stage.startRunner();
  await order(runner, 1);
  const file = join(stage.folder, 'same-moment');
  const handles = await Promise.all(Array.from({ length: 20 }, () => stage.cast(stage.tasks.effect, file)));
  await settles(runner.exited, { what: 'the runner to end' });
  const waiting = await stage.client.llen(`${stage.keys.queue}wait`);
  const finished = await stage.client.zcard(`${stage.keys.queue}completed`);
  // Each has either been served before the drain or stands in the queue: none hangs in between.
  expect(waiting + finished).toBe(handles.length);
  expect(await stage.client.llen(`${stage.keys.queue}active`)).toBe(0);
});

test('SD-01 F38 SIGTERM: what runs may finish within shutdownTimeout, the rest goes back to the head of the queue at once', async () => {
  const first = await stage.startRunner({ pool: { shutdownTimeout: '2s', maxConcurrency: 2 } });
  const { effect, spin } = stage.tasks;
  const file = join(stage.folder, 'sigterm');
  const quick = stage.call(effect, file, 1_000, 'in time');
  const endless = await stage.cast(spin?.with({ timeout: '60s' }), file);
  await started(file, 2);
  const behind = await stage.cast(effect, file, 0, 'waited');
  first.signal('SIGTERM');
  expect(await quick).toBe('in time');
  expect(await settles(first.exited, { what: 'the runner to end' })).toEqual({
    code: 0,
    signal: null,
  });
  const pid = Number(
    linesOf(readFileSync(file, 'utf8'))
      .find((line) => line.includes(endless.id))
      ?.split(' ')[3],
  );
  expect(isAlive(pid)).toBe(false);
  // Served from the right end: the one that was cut off comes before the one that waited.
  expect(await stage.client.lrange(`${stage.keys.queue}wait`, 0, -1)).toEqual([behind.id, endless.id]);
  // A hand-back is nobody's loss.
  expect(await stage.client.hmget(`${stage.keys.queue}${endless.id}`, 'f:loss', 'atm')).toEqual([null, null]);
  await stage.startRunner();
  expect(await behind.result()).toBe('waited');
  await waitFor(() => readFileSync(file, 'utf8').includes(`start ${endless.id} 1`), { what: 'the other to run again' });
});

test('F38 with onRunnerLost "fail" a call that has begun ends with the shutdown instead of running twice', async () => {
  const runner = await stage.startRunner({ pool: { shutdownTimeout: '300ms' } });
  const file = join(stage.folder, 'fail');
  const lost = stage.call(stage.tasks.effect?.with({ onRunnerLost: 'fail' }), file, 20_000).catch((e: unknown) => e);
  await started(file);
  runner.signal('SIGTERM');
  expect(await lost).toBeInstanceOf(FlameRunnerLostError);
  expect((await settles(runner.exited, { what: 'the runner to end' })).code).toBe(0);
});

test('F38 a second SIGTERM does not wait any longer', async () => {
  const runner = await stage.startRunner({ pool: { shutdownTimeout: '10m' } });
  const file = join(stage.folder, 'insist');
  const call = await stage.cast(stage.tasks.effect, file, 60_000);
  await started(file);
  runner.signal('SIGTERM');
  await runner.reaches('draining');
  expect(runner.alive()).toBe(true);
  runner.signal('SIGTERM');
  expect((await settles(runner.exited, { what: 'the runner to end' })).code).toBe(0);
  expect(await stage.client.lrange(`${stage.keys.queue}wait`, 0, -1)).toEqual([call.id]);
});

test('a runner that is told to stop while it boots ends without having been ready', async () => {
  const runner = await stage.startRunner({ booting: true, env: { FLAME_TEST_FUNCTIONS: '["./slow.mjs"]' } });
  await waitFor(async () => (await runner.record()).state === 'starting', { what: 'it to register' });
  runner.signal('SIGTERM');
  expect((await settles(runner.exited, { what: 'the runner to end' })).code).toBe(0);
});

test('a local runner whose parent is gone drains and ends', async () => {
  const runner = await stage.startRunner({ ipc: true });
  runner.child.disconnect();
  expect((await settles(runner.exited, { what: 'the runner to end' })).code).toBe(0);
  expect(await runner.record()).toMatchObject({ reason: 'parent-gone' });
});

test('F37 a runner that never hears of an autoscaler drains and ends its machine', async () => {
  const file = join(stage.folder, 'machine-ended');
  const runner = await stage.startRunner({
    settings: { failsafeTimeout: '1s' },
    env: { FLAME_END_MACHINE: `echo ended > ${file}` },
  });
  expect((await settles(runner.exited, { what: 'the runner to end' })).code).toBe(0);
  expect(await runner.record()).toMatchObject({ reason: 'failsafe' });
  await waitFor(() => readFileSync(file, 'utf8').includes('ended'), { what: 'the machine to be ended' });
});

test('F37 a runner whose autoscaler falls silent drains, lets its call finish, and ends', async () => {
  const runner = await stage.startRunner({ settings: { failsafeTimeout: '60s', heartbeatTimeout: '1500ms' } });
  const key = '{flame:fixture}:heartbeat';
  let beats = 0;
  const beating = setInterval(() => {
    beats += 1;
    void stage.client.set(key, beats);
  }, 200);
  const file = join(stage.folder, 'silent');
  await waitFor(() => beats >= 20, { what: 'the autoscaler to have been heard for a while' });
  expect((await runner.record()).state).toBe('ready');
  const running = stage.call(stage.tasks.effect, file, 3_000, 'finished');
  await started(file);
  clearInterval(beating);
  await runner.reaches('draining');
  expect(await running).toBe('finished');
  expect((await settles(runner.exited, { what: 'the runner to end' })).code).toBe(0);
  expect(await runner.record()).toMatchObject({ reason: 'heartbeat' });
});

test.each([
  ['process', 'an order'],
  ['thread', 'an order'],
  ['process', 'SIGTERM'],
])(
  'SD-19 a call in a %s hears of a drain by %s before anything is stopped, and may end early',
  async (isolation, by) => {
    const runner = await stage.startRunner({ pool: { isolation } });
    const file = join(stage.folder, `checkpoint-${isolation}-${by}`);
    const running = stage.call(stage.tasks.checkpoint, file);
    await started(file);
    if (by === 'SIGTERM') runner.signal('SIGTERM');
    else await order(runner, 7);
    expect(await settles(running, { what: 'the call to end early' })).toEqual({
      reason: `the runner takes no more calls: ${by === 'SIGTERM' ? 'sigterm' : 'scale-down'}`,
      stopped: false,
    });
    expect(await settles(runner.exited, { what: 'the runner to end' })).toEqual({ code: 0, signal: null });
  },
);

test('SD-05 a runner that is forced to end while a call reports each 10 ms says no more, and the call runs again', async () => {
  const runner = await stage.startRunner();
  const handle = (await stage.cast(stage.tasks.report, 150, 10)) as unknown as {
    progress(): AsyncIterableIterator<unknown>;
    result(): Promise<unknown>;
    status(): Promise<{ attempt?: number; state: string }>;
  };
  // It reports by now.
  await handle.progress().next();
  runner.signal('SIGTERM');
  runner.signal('SIGTERM');
  expect(await settles(runner.exited, { what: 'the runner to end' })).toEqual({ code: 0, signal: null });
  expect(runner.output()).not.toMatch(/unhandled|uncaught|Connection is closed/i);
  await stage.startRunner();
  await settles(handle.result(), { what: 'the call to run again' });
});

test.each(['before', 'after'])(
  'SD-06 Redis is killed %s the SIGTERM: the runner ends within its grace and a moment',
  async (when) => {
    const runner = await stage.startRunner({ pool: { shutdownTimeout: '1s' } });
    const file = join(stage.folder, `gone-${when}`);
    await stage.cast(stage.tasks.effect, file, 60_000);
    await started(file);
    try {
      if (when === 'before') await stage.redis.kill9();
      runner.signal('SIGTERM');
      if (when === 'after') await stage.redis.kill9();
      await settles(runner.exited, { what: 'the runner to end' });
    } finally {
      await stage.redis.restart();
    }
  },
);

test('F36 ready, idle, busy, drained and ended are events, with their reasons', async () => {
  const runner = await stage.startRunner();
  const types = async () => (await stage.events()).filter((e) => e.runnerId === runner.runnerId).map((e) => e.type);
  await waitFor(async () => (await types()).includes('runner.idle'), { what: 'it to be idle' });
  await stage.call(stage.tasks.add, 1, 2);
  runner.signal('SIGTERM');
  await settles(runner.exited, { what: 'the runner to end' });
  expect(await types()).toEqual([
    'runner.ready',
    'runner.idle',
    'runner.busy',
    'runner.draining',
    'runner.drained',
    'runner.ended',
  ]);
  expect((await stage.events()).at(-1)?.reason).toBe('sigterm');
});

test('F36 a runner that cannot start says why, in its record and as an event, and exits with 1', async () => {
  const broken = await stage.startRunner({ booting: true, env: { FLAME_TEST_FUNCTIONS: '["./broken.mjs"]' } });
  expect(await settles(broken.exited, { what: 'it to give up' })).toEqual({ code: 1, signal: null });
  const record = await broken.record();
  expect(record.state).toBe('ended');
  expect(record.reason).toContain('no such library');
  expect((await stage.events()).find((e) => e.type === 'runner.failed')?.reason).toContain('no such library');
});
