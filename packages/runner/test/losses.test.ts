/** Runners that die, freeze, or lose Redis, and what their calls come to. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlameRunnerLostError } from '@flamejs/queue';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { executorsOf, isAlive } from '../../../tests/support/processes.ts';
import { settles, waitFor } from '../../../tests/support/wait-for.ts';
import { linesOf, type RunnerProcess, type Stage, startStage } from './support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ appendonly: true });
});
afterEach(() => stage.reset());
afterAll(() => stage.stop());

const read = (file: string): readonly string[] => (existsSync(file) ? linesOf(readFileSync(file, 'utf8')) : []);
const starts = (file: string): readonly string[] => read(file).filter((line) => line.startsWith('start'));
const startsIn = (file: string, count: number) =>
  waitFor(() => starts(file).length >= count, { what: `${count} starts`, found: () => read(file) });
const pidOf = (line: string | undefined): number => Number(line?.split(' ')[3]);

/** Which of the runners has it. */
const runnerOf = async (callId: string, runners: readonly RunnerProcess[]): Promise<RunnerProcess> => {
  const name = await stage.client.hget(`${stage.keys.queue}${callId}`, 'f:run');
  const runner = runners.find(({ runnerId }) => runnerId === name);
  if (runner === undefined) throw new Error(`no runner ${name}`);
  return runner;
};

test('F11 a call whose runner is killed runs again on another one; its neighbour there does not notice', async () => {
  const { effect, wait } = stage.tasks;
  const file = join(stage.folder, 'kill9');
  const survivor = await stage.startRunner({ pool: { maxConcurrency: 2 } });
  const long = wait?.with({ timeout: '10m' });
  const [neighbour, filler] = [await stage.cast(long, 600_000), await stage.cast(long, 600_000)];
  await waitFor(async () => (await stage.client.llen(`${stage.keys.queue}active`)) === 2, { what: 'it to be full' });
  const doomed = await stage.startRunner({ pool: { maxConcurrency: 1 } });
  const call = await stage.cast(effect, file, 5_000, 'done');
  await startsIn(file, 1);
  expect(await runnerOf(call.id, [survivor, doomed])).toBe(doomed);
  await doomed.kill9();
  await stage.flame.attach(filler.id).cancel();
  await startsIn(file, 2);
  expect(await call.result()).toBe('done');
  expect(await stage.flame.attach(neighbour.id).status()).toMatchObject({ state: 'running', attempts: 1 });
  await stage.flame.attach(neighbour.id).cancel();
  // The executor of a dead runner ends by itself.
  await waitFor(() => !isAlive(pidOf(starts(file)[0])), { what: 'the first executor to end' });
  expect(await stage.client.hget(`${stage.keys.queue}${call.id}`, 'f:loss')).toBe('1');
});

test('F11 with onRunnerLost "fail" it ends instead', async () => {
  const runners = [await stage.startRunner(), await stage.startRunner()];
  const file = join(stage.folder, 'kill9-fail');
  const call = await stage.cast(stage.tasks.effect?.with({ onRunnerLost: 'fail' }), file, 60_000);
  await startsIn(file, 1);
  await (await runnerOf(call.id, runners)).kill9();
  const ended = call.result().catch((e: unknown) => e);
  expect(await settles(ended, { what: 'the call' })).toBeInstanceOf(FlameRunnerLostError);
  expect(starts(file)).toHaveLength(1);
});

test('RI-03 P13 the late result of a runner that was frozen past its lock is discarded, and what it ran is ended', async () => {
  const one = { pool: { maxConcurrency: 1 } };
  const runners = [await stage.startRunner(one), await stage.startRunner(one)];
  const file = join(stage.folder, 'frozen');
  const call = await stage.cast(stage.tasks.effectSlowFirst, file, 25_000);
  await startsIn(file, 1);
  const frozen = await runnerOf(call.id, runners);
  frozen.signal('SIGSTOP');
  await startsIn(file, 2);
  frozen.signal('SIGCONT');
  expect(await call.result()).toBe(2);
  const outcome = await stage.client.hmget(stage.keys.outcome(call.id), 'gen', 'head');
  expect(outcome[0]).toBe('1');
  expect(JSON.parse(outcome[1] ?? '{}')).toMatchObject({ ok: true, attempts: 2, runnerLosses: 1 });
  // It has noticed and goes on as a runner in good order.
  await waitFor(() => !isAlive(pidOf(starts(file)[0])), { what: 'the first attempt to be ended' });
  expect(frozen.alive()).toBe(true);
  expect(read(file).filter((line) => line.startsWith('end'))).toHaveLength(1);
  expect(await stage.client.zcard(`${stage.keys.queue}completed`)).toBe(1);
});

test('R-04 P13 a call that waited for an executor while its runner was frozen does not begin once another runner has it', async () => {
  const calls = 6;
  const frozen = await stage.startRunner({ pool: { maxConcurrency: calls } });
  await waitFor(() => executorsOf(frozen.pid).length > calls, { what: 'its executors to be up' });
  const file = join(stage.folder, 'late-begin');
  // It loses them all at once, and picks up more calls than it can begin before others have started.
  const crashes = Array.from({ length: calls }, () => stage.call(stage.tasks.exit).catch(() => undefined));
  const handles = await Promise.all(Array.from({ length: calls }, () => stage.cast(stage.tasks.effect, file, 100)));
  await Promise.all(crashes);
  const held = async () => (await stage.client.llen(`${stage.keys.queue}active`)) + starts(file).length >= calls;
  await waitFor(held, { what: 'their pick-ups', everyMs: 2 });
  frozen.signal('SIGSTOP');
  await stage.startRunner({ pool: { maxConcurrency: calls } });
  await Promise.all(handles.map((handle) => handle.result()));
  const before = starts(file);
  expect(before.length).toBeGreaterThanOrEqual(calls);
  frozen.signal('SIGCONT');
  const idle = async () => Number((await frozen.record()).active) === 0;
  await waitFor(idle, { what: 'it to let go' });
  // It serves on; what it starts now are calls of its own.
  await waitFor(() => frozen.output().includes('another runner has this call'), { what: 'it to have noticed' });
  expect(starts(file)).toEqual(before);
});

test('CO-07 CO-09 P14 user code that blocks its event loop for 15 s neither loses the lock nor runs twice', async () => {
  const runner = await stage.startRunner();
  await stage.startRunner();
  const { block, effect } = stage.tasks;
  const file = join(stage.folder, 'block');
  const pid = await stage.call(block, 15_000);
  expect(pid).toEqual(expect.any(Number));
  await stage.call(effect, file);
  const events = await stage.client.xrange(`${stage.keys.queue}events`, '-', '+');
  expect(events.filter(([, fields]) => fields.includes('stalled'))).toEqual([]);
  expect(runner.alive()).toBe(true);
  const ids = await stage.client.zrange(`${stage.keys.queue}completed`, '0', '-1');
  for (const id of ids) expect(await stage.client.hget(`${stage.keys.queue}${id}`, 'ats')).toBe('1');
});

test('a call that keeps losing runners runs alone from its third loss on', async () => {
  const { effect, echo } = stage.tasks;
  const file = join(stage.folder, 'suspect');
  // It waits in the queue with three losses behind it.
  const suspect = await stage.cast(effect, file, 2_000, 'alone');
  await stage.client.hset(`${stage.keys.queue}${suspect.id}`, 'f:loss', 3);
  await stage.client.lrem(`${stage.keys.queue}wait`, 1, suspect.id);
  const runner = await stage.startRunner({ pool: { maxConcurrency: 3 } });
  const neighbour = await stage.cast(effect, file, 2_500);
  await waitFor(async () => (await stage.client.llen(`${stage.keys.queue}active`)) === 1, { what: 'it to be busy' });
  await stage.client.rpush(`${stage.keys.queue}wait`, suspect.id);
  await stage.client.zadd(`${stage.keys.queue}marker`, 0, '0');
  const pickedUpBy = () => stage.client.hget(`${stage.keys.queue}${suspect.id}`, 'f:run');
  await waitFor(async () => (await pickedUpBy()) !== null, { what: 'its pick-up' });
  const behind = stage.call(echo, 'after');
  expect(await suspect.result()).toBe('alone');
  expect(await behind).toBe('after');
  await neighbour.result();
  const order = read(file).map((line) => line.split(' ').slice(0, 2).join(' '));
  expect(order).toEqual([
    ...[`start ${neighbour.id}`, `end ${neighbour.id}`],
    ...[`start ${suspect.id}`, `end ${suspect.id}`],
  ]);
  expect(runner.alive()).toBe(true);
});

test('P10 calls that run while Redis restarts are finished, once each', async () => {
  await stage.startRunner({ pool: { maxConcurrency: 4 } });
  const file = join(stage.folder, 'restart');
  const calls = Array.from({ length: 8 }, (_, i) => stage.call(stage.tasks.effect, file, 1_500, i));
  await startsIn(file, 4);
  await stage.redis.kill9();
  await waitFor(() => read(file).filter((line) => line.startsWith('end')).length >= 4, { what: 'work without Redis' });
  await stage.redis.restart();
  expect(await settles(Promise.all(calls), { what: 'the calls' })).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(starts(file)).toHaveLength(8);
});

test('calls whose lock ran out while Redis was away are taken back when nothing newer has started', async () => {
  await stage.startRunner({ pool: { maxConcurrency: 1 } });
  const file = join(stage.folder, 'away');
  const call = stage.call(stage.tasks.effect, file, 14_000, 'went on');
  await startsIn(file, 1);
  await stage.redis.kill9();
  const awayAt = performance.now();
  // Longer than a lock holds.
  await waitFor(() => performance.now() - awayAt > 7_000, { what: 'the lock to run out' });
  await stage.redis.restart();
  expect(await settles(call, { what: 'the call' })).toBe('went on');
  expect(starts(file)).toHaveLength(1);
});

test('pick-ups whose reply was lost with the connection go back without counting as a loss', async () => {
  const runner = await stage.startRunner({ pool: { maxConcurrency: 2 } });
  const { client, keys, tasks } = stage;
  const handle = await stage.cast(tasks.echo?.with({ delay: '1h' }), 'stray');
  const jobKey = `${keys.queue}${handle.id}`;
  // As Redis looks after a pick-up of which the runner never heard.
  await client.zrem(`${keys.queue}delayed`, handle.id);
  await client.hset(jobKey, { 'f:run': runner.runnerId, ats: 1 });
  await client.set(`${jobKey}:lock`, 'lost', 'PX', 600_000);
  await client.lpush(`${keys.queue}active`, handle.id);
  const clients = String(await client.call('CLIENT', 'LIST')).split('\n');
  const commands = clients.find((line) => line.includes(`runner:${runner.runnerId}:commands`));
  await client.call('CLIENT', 'KILL', 'ID', /id=(\d+)/.exec(commands ?? '')?.[1] ?? '');
  expect(await settles(handle.result(), { what: 'the call' })).toBe('stray');
  expect(await client.hget(jobKey, 'f:loss')).toBeNull();
});

test('RI-01 the third to ninth loss costs a call nothing, and the eleventh ends it', async () => {
  await stage.startRunner();
  const { client, keys, tasks } = stage;
  const withLosses = async (losses: number): Promise<unknown> => {
    const handle = await stage.cast(tasks.echo?.with({ delay: '1h' }), 'ok');
    await client.hset(`${keys.queue}${handle.id}`, { 'f:loss': losses, 'f:run': 'somebody who is gone' });
    await client.zadd(`${keys.queue}delayed`, 'XX', 0, handle.id);
    await stage.housekeeping.promoteDelayed();
    return handle.result().catch((e: unknown) => e);
  };
  expect(await withLosses(8)).toBe('ok');
  expect(await withLosses(10)).toBeInstanceOf(FlameRunnerLostError);
});

test('C-32: status() says which runners a call was on before, when, how each attempt ended, and what it printed last', async () => {
  const first = await stage.startRunner({ id: 'first' });
  const file = join(stage.folder, 'history');
  const call = await stage.cast(stage.tasks.effectSlowFirst?.with({ retries: 1 }), file, 60_000);
  await startsIn(file, 1);
  await stage.startRunner({ id: 'second' });
  await first.kill9();
  await stage.housekeeping.releaseRunner('first');
  expect(await call.result()).toBe(2);
  const flaky = await stage.cast(stage.tasks.flaky?.with({ retries: 1 }), join(stage.folder, 'history-flaky'), 2);
  expect(await flaky.result()).toBe(2);
  expect((await stage.flame.attach(call.id).status()).history).toMatchObject([
    { runnerId: 'first', ended: 'its runner was lost', startedAt: expect.any(Number) },
  ]);
  expect((await stage.flame.attach(flaky.id).status()).history).toMatchObject([
    { runnerId: 'second', ended: 'Error: attempt 1 fails' },
  ]);
});
