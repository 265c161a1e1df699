/** Runners that a platform keeps: their ids, parking, and an autoscaler that falls silent. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { appKeys } from '@flamejs/protocol';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { settles, waitFor } from '../../../tests/support/wait-for.ts';
import { platformName } from '../src/platform-name.ts';
import { type RunnerProcess, type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.reset());
afterAll(() => stage.stop());

const DEFAULTS = {
  ...{ bootTimeoutMs: 60_000, idleShutdownAfterMs: 1_000, tickMs: 1_000, fastTickMs: 500, launchesPerTick: 1 },
  ...{ heartbeatTimeoutMs: 60_000, failsafeTimeoutMs: 60_000 },
};
const BACKEND = { name: 'external', scaledBy: 'platform', defaults: DEFAULTS };

interface Kept extends RunnerProcess {
  readonly id: string;
  state(): Promise<string | null>;
}

const startKept = async (
  pod: string,
  env: Readonly<Record<string, string | undefined>> = {},
  settings: object = {},
): Promise<Kept> => {
  const process = await stage.startRunner({
    booting: true,
    pool: { backend: BACKEND },
    settings: settings as Record<string, unknown>,
    env: { FLAME_RUNNER_ID: undefined, FLAME_POD_NAME: pod, ...env },
  });
  const ids = async () =>
    (await stage.client.zrange(stage.keys.runners, '0', '-1')).filter((id) => id.startsWith(`${pod}-`));
  await waitFor(async () => (await ids()).length === 1, { what: `a runner of ${pod}`, found: process.output });
  const id = (await ids())[0] ?? '';
  const state = () => stage.client.hget(stage.keys.runner(id), 'state');
  await waitFor(async () => (await state()) === 'ready', { what: `${id} to be ready`, found: process.output });
  return { ...process, alive: () => process.alive(), id, state };
};

const order = async ({ id }: Kept, generation: number): Promise<void> => {
  await stage.client.hset(stage.keys.runner(id), { drain: generation, drainReason: 'not wanted', parked: 1 });
  await stage.client.publish(stage.keys.control, JSON.stringify({ type: 'drain', runnerId: id, generation }));
};

const is = (runner: Kept, state: string) =>
  waitFor(async () => (await runner.state()) === state, { what: `${runner.id} to be ${state}`, found: runner.output });

test('EX-06 the id is made of the pod and a random part; an id from the environment is refused with what to do', async () => {
  const first = await startKept('web-7f9c-abcde');
  expect(first.id).toMatch(/^web-7f9c-abcde-[0-9a-f]{8}$/);
  expect(await stage.client.hget(stage.keys.runner(first.id), 'host')).toBe('web-7f9c-abcde');
  const refused = await stage.startRunner({ booting: true, pool: { backend: BACKEND }, id: 'one-for-all' });
  expect(await settles(refused.exited, { what: 'the runner to be refused' })).toMatchObject({ code: 1 });
  expect(refused.output()).toContain('FLAME_RUNNER_ID must not be set for a pool with external()');
  await expect(platformName({ FLAME_RUNNER_ID: 'x' })).rejects.toThrow('each start makes its own');
});

test('EX-07 drained, it stays parked however long, can be taken back after its acknowledgement, and ends at SIGTERM', async () => {
  const runner = await startKept('parker');
  await order(runner, 1);
  await is(runner, 'drained');
  const waiting = await stage.cast(stage.tasks.add, 1, 2);
  await sleep(2_500); // more than a heartbeat, and than idleShutdownAfter
  expect(runner.alive()).toBe(true);
  expect(await stage.client.llen(`${stage.keys.queue}wait`)).toBe(1);
  await order(runner, 0);
  expect(await waiting.result()).toBe(3);
  await is(runner, 'ready');
  await order(runner, 2);
  await is(runner, 'drained');
  expect(await stage.client.hget(stage.keys.runner(runner.id), 'ackedDrain')).toBe('2');
  runner.signal('SIGTERM');
  expect(await settles(runner.exited, { what: 'the runner to end' })).toEqual({ code: 0, signal: null });
  expect(await runner.state()).toBe('ended');
  expect(await stage.client.zscore(stage.keys.runners, runner.id)).toBeNull();
});

test('EX-07 SIGTERM while it drains by order: its call finishes, then it ends', async () => {
  const runner = await startKept('ending');
  const running = stage.call(stage.tasks.effect, join(stage.folder, 'ending'), 1_500, 'finished');
  await waitFor(async () => (await stage.client.llen(`${stage.keys.queue}active`)) === 1, { what: 'it to run' });
  await order(runner, 1);
  await is(runner, 'draining');
  runner.signal('SIGTERM');
  expect(await running).toBe('finished');
  expect(await settles(runner.exited, { what: 'the runner to end' })).toEqual({ code: 0, signal: null });
});

test('EX-08 a silent autoscaler pauses fetching and ends nobody; what runs goes on, and the next heartbeat resumes it', async () => {
  const { heartbeat } = appKeys('flame', 'fixture');
  const runner = await startKept('patient', {}, { heartbeatTimeout: '1s', failsafeTimeout: '2s' });
  const long = stage.call(stage.tasks.wait, 5_000, 'went on');
  await waitFor(async () => (await stage.client.llen(`${stage.keys.queue}active`)) === 1, { what: 'it to run' });
  await waitFor(() => runner.output().includes('this runner takes no calls until it is back'), { what: 'it to pause' });
  const waiting = await stage.cast(stage.tasks.add, 2, 3);
  expect(await long).toBe('went on');
  expect(runner.alive()).toBe(true);
  expect(await stage.client.llen(`${stage.keys.queue}wait`)).toBe(1);
  let beats = 0;
  const beating = setInterval(() => void stage.client.set(heartbeat, ++beats), 100);
  try {
    expect(await waiting.result()).toBe(5);
    expect(await stage.call(stage.tasks.add, 5, 5)).toBe(10);
  } finally {
    clearInterval(beating);
  }
  await waitFor(() => runner.output().split('this runner takes no calls').length > 2, { what: 'it to pause again' });
});
