/** Calls end to end: a real Redis, real runner processes, real callers (conformance rows of issue-sized behaviour). */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { APP_FOLDER, type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { startSource } from '../support/processes.ts';
import { bySize } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';

const pools = { main: { max: 4, maxConcurrency: 2, timeout: '20s' } } as const;
let fleet: Fleet;
beforeEach(async () => {
  fleet = await startFleet({ pools });
});
afterEach(() => fleet.stop());

test('F01 call runs the function in another process; an error that it returns is a value', async () => {
  const { process: runner } = await fleet.runner();
  const { pid, isRunner } = (await fleet.flame.call(tasks.where)) as { pid: number; isRunner: boolean };
  expect([process.pid, runner.pid]).not.toContain(pid);
  expect(isRunner).toBe(true);
  expect(await fleet.flame.call(tasks.errorAsValue)).toBeInstanceOf(TypeError);
});

test('F11 P12 kill -9 of a runner mid-call: the call completes on another runner', async () => {
  const first = await fleet.runner();
  // Longer than the time between two heartbeats, by which it is seen to run.
  const promise = fleet.flame.call(tasks.wait, 4_000, 'survived');
  await waitFor(async () => (await first.record())?.active === 1, { what: 'the call to run' });
  await fleet.runner();
  await first.process.kill9();
  expect(await promise).toBe('survived');
});

test('F11 with onRunnerLost fail the call of a killed runner is not run again', async () => {
  const first = await fleet.runner();
  const promise = fleet.flame
    .call(tasks.wait.with({ onRunnerLost: 'fail', timeout: '3m' }), 180_000)
    .catch((e: unknown) => e);
  await waitFor(async () => (await first.record())?.active === 1, { what: 'the call to run' });
  await fleet.runner();
  await first.process.kill9();
  expect(await promise).toMatchObject({ name: 'FlameRunnerLostError', code: 'FLAME_ERR_RUNNER_LOST' });
});

test('AW-12 F13 kill -9 of the caller: the work is done, and a new process attaches by id and gets the result', async () => {
  const source = `
    import { createFlame } from '@flamejs/queue';
    import config from './flame.config.mjs';
    import { wait } from './tasks.mjs';
    const flame = createFlame(config);
    const { FLAME_ATTACH } = process.env;
    if (FLAME_ATTACH) {
      console.log('result', await flame.attach(FLAME_ATTACH).result());
      await flame.close();
    } else {
      const handle = await flame.cast(wait, 500, 'kept');
      console.log('id', handle.id);
      await handle.result();
    }
  `;
  const caller = await startSource(source, { cwd: APP_FOLDER, env: fleet.env });
  const [, id = ''] = await caller.waitForOutput(/id (\S+)/);
  await caller.kill9();
  await fleet.runner();
  const later = await startSource(source, { cwd: APP_FOLDER, env: { ...fleet.env, FLAME_ATTACH: id } });
  await later.waitForOutput(/result kept/);
  expect((await later.exited).code).toBe(0);
});

test('TK-05 F08 while (true) ends at its deadline, and its neighbour on the same runner returns normally', async () => {
  await fleet.runner();
  const neighbour = fleet.flame.call(tasks.wait, 3_000, 'fine');
  const error = await fleet.flame.call(tasks.spin.with({ timeout: '1s' }), '').catch((e: unknown) => e);
  expect(error).toMatchObject({ name: 'FlameTimeoutError', timeoutMs: 1_000 });
  expect(await neighbour).toBe('fine');
  expect(await fleet.flame.call(tasks.echo, 'next')).toBe('next');
});

test('F10 a crash touches exactly its own call and is named as what it was', async () => {
  await fleet.runner();
  const neighbour = fleet.flame.call(tasks.wait, 1_500, 'fine');
  const error = await fleet.flame.call(tasks.exit, 7).catch((e: unknown) => e);
  expect(error).toMatchObject({ name: 'FlameCrashError', exitCode: 7 });
  expect(await neighbour).toBe('fine');
});

test('F15 aborting the signal stops a running call and rejects with the reason', async () => {
  const runner = await fleet.runner();
  const abort = new AbortController();
  const promise = fleet.flame
    .call(tasks.waitOrAbort.with({ signal: abort.signal }), 60_000, '')
    .catch((e: unknown) => e);
  await waitFor(async () => (await runner.record())?.active === 1, { what: 'the call to run' });
  const reason = new Error('user left');
  abort.abort(reason);
  expect(await promise).toBe(reason);
  await waitFor(async () => (await runner.record())?.active === 0, { what: 'the slot to be free' });
});

test('F19 a function that no runner knows is refused at once, by name', async () => {
  await fleet.runner();
  const unknown = fleet.flame.fn(`unknown${Date.now()}`, { pool: 'main', retries: 5 }, () => 1);
  const error = await fleet.flame.call(unknown).catch((e: unknown) => e);
  expect(error).toMatchObject({ name: 'FlameUnknownFunctionError', functionName: unknown.flameName });
});

test('P01 a 10 MB Buffer as argument and result arrives equal; nothing large is in an event stream; nothing stays', async () => {
  await fleet.runner();
  const keys = fleet.keys();
  const bytes = Buffer.alloc(10 * 1024 * 1024);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE((i * 2654435761) >>> 0, i);
  const result = (await fleet.flame.call(tasks.reverse.with({ resultTtl: '2s' }), bytes)) as Buffer;
  expect(Buffer.compare(Buffer.from(bytes).reverse(), result)).toBe(0);
  expect((await fleet.client.memory('USAGE', `${keys.queue}events`)) ?? 0).toBeLessThan(100_000);
  const streams = await fleet.client.keys(`${keys.base}:reply:*`);
  for (const stream of streams) expect(await fleet.client.memory('USAGE', stream)).toBeLessThan(100_000);
  expect(await fleet.client.keys(`${keys.base}:args:*`)).toEqual([]);
  await waitFor(async () => (await fleet.client.keys(`${keys.base}:outcome:*`)).length === 0, {
    what: 'the outcome to expire',
  });
});

test('P02 P04 results that cannot be shipped, or are too large, are refused with path and size', async () => {
  await fleet.stop();
  fleet = await startFleet({ pools: { main: { ...pools.main, payloadLimit: '1MB' } } });
  await fleet.runner();
  expect(await fleet.flame.call(tasks.unshippable).catch((e: unknown) => e)).toMatchObject({
    name: 'FlameCodecError',
    path: 'result.list[1].job',
  });
  const large = await fleet.flame.call(tasks.bytes, 2 * 1024 * 1024).catch((e: unknown) => e);
  expect(large).toMatchObject({ name: 'FlamePayloadTooLargeError', limit: 1024 * 1024 });
});

test('P15 the same id from two callers executes once', async () => {
  await fleet.runner();
  const once = tasks.pid.with({ id: 'the same' });
  const [a, b, c] = await Promise.all([fleet.flame.call(once), fleet.caller().call(once), fleet.flame.call(once)]);
  expect(a).toBe(b);
  expect(b).toBe(c);
});

test('AW-08 P17 thousands of calls at once settle with bounded memory and no listener warning', {
  timeout: 180_000,
}, async () => {
  // As many with a push, too, in the client's own tests; here each of them runs.
  const count = bySize({ push: 1_500, nightly: 5_000 });
  await fleet.runner();
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const before = process.memoryUsage().heapUsed;
  const results = await Promise.all(Array.from({ length: count }, (_, i) => fleet.flame.call(tasks.echo, i)));
  process.off('warning', onWarning);
  expect(results).toEqual(Array.from({ length: count }, (_, i) => i));
  expect(warnings).toEqual([]);
  // 20 KB a call is an order of magnitude above what it takes; a leak of arguments or sockets is far above that.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 1024 * 1024);
});

test('F20 a call inside of a function works, and its wait for a slot of the same pool is visible', async () => {
  await fleet.stop();
  fleet = await startFleet({ pools: { main: { ...pools.main, max: 1, maxConcurrency: 1 } } });
  await fleet.runner();
  const handle = await fleet.flame.cast(tasks.nested, 2, 3);
  const keys = fleet.keys();
  // The only slot is held by the outer call: the inner one waits, and says so.
  const [inner = ''] = await waitFor(
    async () => {
      const waiting = (await fleet.client.lrange(`${keys.queue}wait`, '0', '-1')).filter((id) => id !== handle.id);
      return waiting.length === 1 ? waiting : undefined;
    },
    { what: 'the inner call to wait' },
  );
  expect(await fleet.flame.attach(inner).status()).toMatchObject({
    state: 'waiting',
    functionName: 'innerAdd',
    ahead: 0,
  });
  await fleet.runner();
  expect(await handle.result()).toMatchObject({ inner: 5 });
});
