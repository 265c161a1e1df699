import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorFrom, sharedPool, testPool, valueFrom, waitFor } from './support.ts';

const pool = sharedPool();

test('F01 a function runs in another process and its value comes back', async () => {
  await pool.start();
  const pid = await valueFrom(pool.call('pid'));
  expect(pid).not.toBe(process.pid);
  expect(pool.pids).toContain(pid);
  expect(await valueFrom(pool.call('echo', [1, 'two', new Map([[3n, new Date(4)]])]))).toEqual([
    1,
    'two',
    new Map([[3n, new Date(4)]]),
  ]);
});

test('an executor is used again, and no two calls share one', async () => {
  const pool = testPool({ slots: 2 });
  await pool.start();
  const pids = [];
  for (let i = 0; i < 5; i += 1) pids.push(await valueFrom(pool.call('pid')));
  expect(new Set(pids).size).toBe(1);
  const long = pool.call('sleep', [60_000]);
  await waitFor(() => long.started, { what: 'the long call to start' });
  expect(await valueFrom(pool.call('pid'))).not.toBe(pids[0]);
  long.abandon();
});

test('more calls than slots wait in the order in which they came', async () => {
  await pool.start();
  const order: number[] = [];
  const calls = [0, 1, 2, 3].map((n) => pool.call('sleep', [10]).result.then(() => order.push(n)));
  expect(pool.active).toBe(4);
  await Promise.all(calls);
  expect(order).toEqual([0, 1, 2, 3]);
  expect(pool.active).toBe(0);
});

test('arguments can come as JSON, without a frame', async () => {
  expect(await valueFrom(pool.call('echo', [], { args: { json: '[1,{"a":"b"}]' } }))).toEqual([1, { a: 'b' }]);
});

test('F09 an error arrives with its class, message and cause, and the executor stays', async () => {
  const pid = await valueFrom(pool.call('pid'));
  const { error, retryable, errorName, errorMessage, retryDelayMs } = await errorFrom(pool.call('fail', ['oops']));
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toBe('oops');
  expect(error.cause).toBeInstanceOf(RangeError);
  expect({ retryable, errorName, errorMessage, retryDelayMs }).toEqual({
    retryable: true,
    errorName: 'TypeError',
    errorMessage: 'oops',
    retryDelayMs: undefined,
  });
  expect(await valueFrom(pool.call('pid'))).toBe(pid);
});

test('whether and when to retry is decided where the function lives', async () => {
  expect(await errorFrom(pool.call('fail-for-good'))).toMatchObject({ retryable: false });
  expect(await errorFrom(pool.call('fail-with-backoff', [], { attempt: 2 }))).toMatchObject({
    retryable: true,
    retryDelayMs: 200,
  });
});

test('F19 an unknown function is an error that names it and is not retried', async () => {
  const { error, retryable } = await errorFrom(pool.call('ecko'));
  expect(error).toMatchObject({ name: 'FlameUnknownFunctionError', functionName: 'ecko' });
  expect(error.message).toContain('echo');
  expect(retryable).toBe(false);
});

test('damaged arguments are an error of the call, not of the executor', async () => {
  const { error, retryable } = await errorFrom(pool.call('echo', [], { args: Buffer.from('nonsense, and some more') }));
  expect(error).toMatchObject({ name: 'FlameCodecError' });
  expect(retryable).toBe(false);
  expect(await errorFrom(pool.call('echo', [], { args: { json: '{"' } }))).toMatchObject({
    errorName: 'FlameCodecError',
  });
  expect(await valueFrom(pool.call('echo', [1]))).toEqual([1]);
});

test('the function learns what its call is', async () => {
  const deadlineAt = Date.now() + 5_000;
  const context = await valueFrom(
    pool.call('context', [], { callId: 'images.abc', attempt: 3, runnerLosses: 2, deadlineAt, pool: 'images' }),
  );
  expect(context).toMatchObject({
    callId: 'images.abc',
    functionName: 'context',
    pool: 'images',
    attempt: 3,
    runnerLosses: 2,
    deadline: new Date(deadlineAt),
    isInline: false,
    aborted: false,
    drained: false,
  });
});

test('progress and log lines arrive in order and before the result', async () => {
  const call = pool.call('progress', [1, { percent: 50 }, 'done']);
  expect(await valueFrom(call)).toBe(3);
  expect(call.progress).toEqual([1, { percent: 50 }, 'done']);
  const logged = pool.call('log', ['one', 'two\nthree', '\u001b[31mred']);
  await logged.result;
  expect(logged.lines).toEqual(['one', 'two', 'three', '\\x1b[31mred']);
});

test('S-18 progress reported in a tight loop reaches the runner thinned out, the newest value last', async () => {
  const call = pool.call('progress-flood', [50_000]);
  await valueFrom(call);
  expect(call.progress.length).toBeLessThan(1_000);
  expect(call.progress.slice(0, 3)).toEqual([0, 1, 2]);
  expect(call.progress.at(-1)).toBe(49_999);
});

test('binary progress is refused with advice', async () => {
  expect(await errorFrom(pool.call('progress', [Buffer.alloc(100_000)]))).toMatchObject({
    errorName: 'FlameCodecError',
  });
});

test('F20 a call made by a function goes to the runner as bytes and its answer comes back', async () => {
  const asked: string[] = [];
  const onNestedCall = async (request: Uint8Array): Promise<Uint8Array> => {
    asked.push(Buffer.from(request).toString());
    return Buffer.from('pong');
  };
  expect(await valueFrom(pool.call('raw-nested', ['ping'], { listener: { onNestedCall } }))).toBe('pong');
  expect(asked).toEqual(['ping']);
  const refused = { onNestedCall: async (): Promise<Uint8Array> => Promise.reject(new Error('no such pool')) };
  expect(await errorFrom(pool.call('raw-nested', ['ping'], { listener: refused }))).toMatchObject({
    errorMessage: 'no such pool',
  });
});

test('P04 a result over the limit is refused with its size', async () => {
  expect(await errorFrom(pool.call('big', [2_000_000], { payloadLimit: 1_000_000 }))).toMatchObject({
    errorName: 'FlamePayloadTooLargeError',
    retryable: false,
  });
});

test('16 MB pass both ways', async () => {
  const bytes = Buffer.alloc(16 * 1024 * 1024, 5);
  const [back] = (await valueFrom(pool.call('echo', [bytes]))) as [Uint8Array];
  expect(Buffer.compare(Buffer.from(back), bytes)).toBe(0);
});

test('user code does not see the channel to the runner', async () => {
  expect(await valueFrom(pool.call('send-type'))).toBe('undefined');
});

test('a closed pool leaves neither processes nor files, and takes no more calls', async () => {
  const pool = testPool({ slots: 2 });
  const { temp } = (await valueFrom(pool.call('look-around'))) as { temp: string };
  expect(existsSync(temp)).toBe(true);
  const busy = pool.call('sleep', [60_000]);
  const waiting = pool.call('sleep', [60_000]);
  await pool.close();
  expect(await busy.result).toMatchObject({ kind: 'abandoned' });
  expect(await waiting.result).toMatchObject({ kind: 'abandoned' });
  expect(await pool.call('pid').result).toEqual({ kind: 'abandoned', started: false });
  expect(existsSync(temp)).toBe(false);
});
