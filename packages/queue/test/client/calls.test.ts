/** The caller's side against a real Redis. Runners as processes are tested in `tests/`. */

import {
  FlameCancelledError,
  FlameClosedError,
  FlameConfigError,
  FlameDataLossError,
  FlameIdConflictError,
  FlamePayloadTooLargeError,
  FlameQueueTimeoutError,
  FlameRemovedError,
  FlameUnavailableError,
} from '@flamejs/protocol/errors';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';

class QuotaError extends Error {
  override readonly name = 'QuotaError';
  readonly code = 'E_QUOTA';
  readonly left: number;
  constructor(left: number) {
    super('quota is used up', { cause: new TypeError('inner') });
    this.left = left;
  }
}
const echo = defineFunction('echo', { pool: 'images' }, (value: unknown) => value);
const fail = defineFunction('fail', { pool: 'images' }, (): never => {
  throw new QuotaError(0);
});

let app: App;
beforeEach(async () => {
  app = await startApp();
});
afterEach(() => app.stop());

test('call resolves with the value, with types beyond JSON intact', async () => {
  app.serve();
  const value = { at: new Date(5), tags: new Set(['a']), big: 10n, bytes: Buffer.alloc(200_000, 3) };
  expect(await app.flame.call(echo, value)).toEqual(value);
  expect(await app.flame.call(echo, undefined)).toBeUndefined();
});

test('F01 a returned error is a value, not a rejection', async () => {
  app.serve();
  const value = await app.flame.call(echo, new RangeError('returned'));
  expect(value).toBeInstanceOf(RangeError);
});

test('F09 an error keeps name, message, code, own properties and cause, and its stack shows both sides', async () => {
  app.serve();
  const error = (await app.flame.call(fail).catch((e: unknown) => e)) as QuotaError & { remoteStack: string };
  expect(error).toBeInstanceOf(Error);
  expect({ name: error.name, message: error.message, code: error.code, left: error.left }).toEqual({
    name: 'QuotaError',
    message: 'quota is used up',
    code: 'E_QUOTA',
    left: 0,
  });
  expect(error.cause).toBeInstanceOf(TypeError);
  const [remote, local] = (error.stack ?? '').split('-- called from --');
  expect(remote).toContain('calls.test.ts');
  expect(local).toContain('calls.test.ts');
  expect(error.remoteStack).toBe(remote?.trimEnd());
});

test('F13 cast returns once the call is durable; another process attaches by id', async () => {
  const handle = await app.flame.cast(echo, 'later');
  expect(await app.client.exists(`${keys.queue}${handle.id}`)).toBe(1);
  await app.flame.close();
  app.serve();
  expect(await app.other().attach(handle.id).result()).toBe('later');
});

test('F15 aborting the signal removes a waiting call and rejects with the reason', async () => {
  const abort = new AbortController();
  const promise = app.flame.call(echo.with({ signal: abort.signal }), 1);
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  const reason = new Error('user left');
  abort.abort(reason);
  await expect(promise).rejects.toBe(reason);
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 0, { what: 'the call to be removed' });
});

test('F15 a signal that is aborted already makes no call', async () => {
  await expect(app.flame.call(echo.with({ signal: AbortSignal.abort('no') }), 1)).rejects.toBe('no');
  expect(await app.client.exists(`${keys.queue}wait`)).toBe(0);
});

test('F16 replies for unknown calls and of odd shape change nothing', async () => {
  const first = app.flame.call(echo, 'a');
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  const waiter =
    (await app.client.hget(`${keys.queue}${(await app.client.lrange(`${keys.queue}wait`, 0, 0))[0]}`, 'f:w')) ?? '';
  await app.client.xadd(
    keys.reply(waiter),
    '*',
    'id',
    'images.unknown',
    'gen',
    '1',
    'head',
    '{"ok":true}',
    'body',
    'x',
  );
  await app.client.xadd(keys.reply(waiter), '*', 'nonsense', '1');
  app.serve();
  expect(await first).toBe('a');
});

test('F19 unknown pools, plain functions and what cannot be shipped are refused at the call site, by name', async () => {
  const elsewhere = defineFunction('elsewhere', { pool: 'nowhere' }, () => 1);
  await expect(app.flame.call(elsewhere)).rejects.toThrow(/no pool "nowhere".*images/);
  await expect(app.flame.call((() => 1) as unknown as typeof fail)).rejects.toThrow(/flame\.fn/);
  await expect(app.flame.call(app.flame.pool('images'), () => 1)).rejects.toThrow(/compiler/);
  await expect(app.flame.call(echo, { deep: [() => 1] })).rejects.toThrow(/argument\[0\]\.deep\[0\]/);
  expect(() => app.flame.attach('not an id')).toThrow(FlameConfigError);
  expect(() => app.flame.pool('nowhere')).toThrow(FlameConfigError);
});

test('P04 arguments over the limit are refused with size and limit before they enter Redis', async () => {
  await app.stop();
  app = await startApp({ payloadLimit: 1_000 });
  const error = await app.flame.call(echo, 'x'.repeat(2_000)).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FlamePayloadTooLargeError);
  expect(error).toMatchObject({ limit: 1_000 });
  expect(await app.client.keys('*')).toEqual([]);
});

test('P10 a reply that never arrives delays the result, and loses nothing', async () => {
  const promise = app.flame.call(echo, 'x');
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  // Nobody is announced to any more: only the look at the stored outcome can settle it.
  const [id = ''] = await app.client.lrange(`${keys.queue}wait`, 0, 0);
  await app.client.hset(`${keys.queue}${id}`, 'f:w', '');
  app.serve();
  expect(await promise).toBe('x');
});

test('P10 a call that is removed by hand rejects its caller with FlameRemovedError', async () => {
  const promise = app.flame.call(echo, 'x');
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  await app.client.flushdb();
  await expect(promise).rejects.toBeInstanceOf(FlameRemovedError);
});

test('R-13 a call that Redis lost with its data rejects with FlameDataLossError when it must not run again', async () => {
  const promise = app.flame.call(echo.with({ onRunnerLost: 'fail' }), 'x');
  const settled = promise.catch((e: unknown) => e);
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  await app.redis.kill9();
  await app.redis.restart();
  expect(await settled).toBeInstanceOf(FlameDataLossError);
});

test('P11 with Redis down a call fails within connectTimeout and leaves no ghost', async () => {
  const other = await startApp({}, { connectTimeoutMs: 1_000 });
  try {
    await other.redis.kill9();
    const error = await other.flame.call(echo, 'x').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FlameUnavailableError);
    expect(error).toMatchObject({ enqueued: 'no' });
    await other.redis.restart();
    await waitFor(async () => (await other.client.ping()) === 'PONG', { what: 'Redis to be back' });
    expect(await other.flame.call(echo.with({ queueTimeout: 100 }), 'y').catch((e: unknown) => e)).toBeInstanceOf(
      FlameQueueTimeoutError,
    );
    expect(await other.client.llen(`${keys.queue}wait`)).toBe(0);
  } finally {
    await other.stop();
  }
});

test('P11 a call under way when Redis goes silent rejects as unknown and is taken back afterwards', async () => {
  await app.stop();
  app = await startApp({}, { connectTimeoutMs: 1_000 });
  await app.flame.cast(echo, 'warm');
  await app.client.del(`${keys.queue}wait`);
  app.redis.freeze();
  const error = await app.flame.call(echo, 'x').catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FlameUnavailableError);
  // Its bytes lie in the server's socket: now the call that was given up is accepted after all.
  app.redis.thaw();
  await waitFor(async () => (await app.client.keys(keys.outcome('*'))).length === 1, { what: 'the ghost to be ended' });
  expect(await app.client.llen(`${keys.queue}wait`)).toBe(0);
});

test('RI-05 P15 the same id twice, also at once and from two processes, is one call with one outcome', async () => {
  let runs = 0;
  const count = defineFunction('count', { pool: 'images' }, (by: number) => {
    runs += by;
    return runs;
  });
  app.serve();
  const once = count.with({ id: 'order 7' });
  const results = await Promise.all([app.flame.call(once, 1), app.flame.call(once, 1), app.other().call(once, 1)]);
  expect(results).toEqual([1, 1, 1]);
  expect(await app.flame.call(once, 1)).toBe(1);
  await expect(app.flame.call(once, 2)).rejects.toBeInstanceOf(FlameIdConflictError);
});

test('P17 5,000 calls at once settle, without a listener warning', async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', onWarning);
  app.serve(100);
  const results = await Promise.all(Array.from({ length: 5_000 }, (_, i) => app.flame.call(echo, i)));
  process.off('warning', onWarning);
  expect(results).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
  expect(warnings).toEqual([]);
});

test('AW-11 F07 queueTimeout rejects a call that nobody picked up, says why, and removes it', async () => {
  const error = await app.flame.call(echo.with({ queueTimeout: 200 }), 1).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FlameQueueTimeoutError);
  expect((error as FlameQueueTimeoutError).reason).toMatch(/no runner/);
  expect(await app.client.llen(`${keys.queue}wait`)).toBe(0);
});

test('status says in words why a call has not started', async () => {
  const handle = await app.flame.cast(echo, 1);
  expect(await handle.status()).toMatchObject({ state: 'waiting', reason: 'no-autoscaler', functionName: 'echo' });
  const delayed = await app.flame.cast(echo.with({ delay: '1m' }), 1);
  expect(await delayed.status()).toMatchObject({ state: 'delayed', reason: 'delayed' });
  expect(await handle.cancel()).toBe('cancelled');
  expect(await handle.status()).toMatchObject({ state: 'failed' });
  await expect(handle.result()).rejects.toBeInstanceOf(FlameCancelledError);
  expect(await handle.cancel()).toBe('finished');
});

test('close rejects what is pending with FlameClosedError; the call itself goes on', async () => {
  const promise = app.flame.call(echo, 'x').catch((e: unknown) => e);
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  await app.flame.close();
  expect(await promise).toBeInstanceOf(FlameClosedError);
  await expect(app.flame.call(echo, 1)).rejects.toBeInstanceOf(FlameClosedError);
  expect(await app.client.llen(`${keys.queue}wait`)).toBe(1);
});

test('a Redis that evicts keys is refused, unless the config allows it', async () => {
  await app.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await expect(app.flame.call(echo, 1)).rejects.toThrow(/noeviction/);
});

test('ER-12 P16 a failed call is retried with its arguments, and its new outcome reaches attach', async () => {
  let healthy = false;
  const flaky = defineFunction('flaky', { pool: 'images' }, (value: Buffer) => {
    if (!healthy) throw new Error('not yet');
    return value.length;
  });
  app.serve();
  const handle = await app.flame.cast(flaky, Buffer.alloc(100_000));
  await expect(handle.result()).rejects.toThrow('not yet');
  await expect(handle.result()).rejects.toThrow('not yet');
  healthy = true;
  expect(await app.other().attach(handle.id).retry()).toBe('retried');
  expect(await handle.result()).toBe(100_000);
  expect(await handle.retry()).toBe('not-failed');
  expect(await handle.status()).toMatchObject({ state: 'succeeded' });
});
