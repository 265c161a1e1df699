/** `isolation: 'thread'`: the same contract, as far as threads can keep it. */
import { expect, test } from 'vitest';
import { errorFrom, fixture, sharedPool, testPool, valueFrom, waitFor } from './support.ts';

const threads = { isolation: 'thread' } as const;
const pool = sharedPool(threads);

test('a function runs in a thread of this process, with its context, progress and log', async () => {
  expect(await valueFrom(pool.call('pid'))).toBe(process.pid);
  expect(await valueFrom(pool.call('context', [], { attempt: 2 }))).toMatchObject({ attempt: 2, isInline: false });
  const call = pool.call('progress', [1, 2]);
  await valueFrom(call);
  expect(call.progress).toEqual([1, 2]);
  const logged = pool.call('log', ['hello']);
  await valueFrom(logged);
  expect(logged.lines).toEqual(['hello']);
  expect(pool.pids).toEqual([]);
});

test('errors and unknown functions arrive as with processes', async () => {
  expect((await errorFrom(pool.call('fail', ['oops']))).error).toBeInstanceOf(TypeError);
  expect(await errorFrom(pool.call('ecko'))).toMatchObject({
    errorName: 'FlameUnknownFunctionError',
    retryable: false,
  });
});

test('output of a call arrives before its result', async () => {
  const call = pool.call('print', ['from a thread\n']);
  await valueFrom(call);
  expect(call.lines).toEqual(['from a thread']);
});

test('F08 a busy loop ends at its timeout', async () => {
  const own = testPool(threads);
  const call = own.call('spin', [600_000], { timeoutMs: 200, killGraceMs: 100 });
  expect(await call.result).toEqual({ kind: 'timeout', timeoutMs: 200 });
  expect(await valueFrom(own.call('echo', [1]))).toEqual([1]);
});

test('F15 a cancel aborts the signal', async () => {
  const call = pool.call('obey', [], { killGraceMs: 20_000 });
  await waitFor(() => call.started, { what: 'the call to start' });
  call.cancel('why not');
  expect(await call.result).toEqual({ kind: 'cancelled', reason: 'why not' });
});

test('F10 process.exit, uncaught errors and running out of heap end the thread and nothing else', async () => {
  const own = testPool(threads);
  expect(await own.call('exit', [3]).result).toMatchObject({ kind: 'crashed', exitCode: 3, byOutsider: false });
  const thrown = await own.call('throw-in-timer', ['in a thread']).result;
  expect(thrown).toMatchObject({ kind: 'crashed', exitCode: 1 });
  expect(thrown.kind === 'crashed' ? thrown.stderr : '').toContain('in a thread');
  const limited = testPool({ ...threads, memoryLimit: 64 * 1024 * 1024 });
  expect(await limited.call('heap', [], { timeoutMs: 60_000 }).result).toMatchObject({
    kind: 'memory',
    limitBytes: 64 * 1024 * 1024,
  });
});

test('a fault of an earlier call is not blamed on the next one', async () => {
  const own = testPool(threads);
  await valueFrom(own.call('leave-rejection', [300]));
  expect(await own.call('sleep', [20_000]).result).toMatchObject({ kind: 'late-fault', started: true });
});

test('S-20 the environment is put back, and this process keeps its own', async () => {
  const before = process.env.PATH;
  await valueFrom(pool.call('leave-env'));
  expect(await valueFrom(pool.call('planted'))).toEqual([null, 1]);
  expect(process.env.PATH).toBe(before);
  expect(process.env.PLANTED).toBeUndefined();
});

test('a boot that fails is reported with its reason', async () => {
  const own = testPool({ ...threads, modules: [fixture('does-not-exist.mjs')] });
  const result = await own.call('echo').result;
  expect(result.kind === 'boot-failed' ? result.message : '').toContain('does-not-exist.mjs cannot be loaded');
});

test('secrets of the runner do not reach the thread either', async () => {
  process.env.FLAME_SIGNING_KEY = 'canary';
  try {
    const own = testPool(threads);
    expect(JSON.stringify(await valueFrom(own.call('env')))).not.toContain('canary');
  } finally {
    delete process.env.FLAME_SIGNING_KEY;
  }
});
