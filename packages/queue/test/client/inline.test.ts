/** Inline mode: the same encoding, context and errors, without Redis. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  FlameCancelledError,
  FlameClosedError,
  FlameIdConflictError,
  FlameTimeoutError,
} from '@flamejs/protocol/errors';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFlame, type Flame } from '../../src/client/index.ts';
import { defineFunction } from '../../src/fn.ts';
import { appConfig } from './app.ts';

let flame: Flame;
beforeEach(() => {
  flame = createFlame(appConfig('redis://127.0.0.1:1'), { mode: 'inline' });
});
afterEach(() => flame.close());

const copy = defineFunction('inlineCopy', { pool: 'images' }, (value: { list: number[] }) => value);
const context = defineFunction('inlineContext', { pool: 'images' }, () => {
  const { attempt, isInline, callId } = flame.context();
  return { attempt, isInline, callId };
});
const slow = defineFunction('inlineSlow', { pool: 'images' }, async (ms: number) => {
  await sleep(ms, undefined, { signal: flame.context().signal });
  return 'done';
});

test('values are copied, as between machines', async () => {
  const value = { list: [1] };
  const result = await flame.call(copy, value);
  expect(result).toEqual(value);
  expect(result.list).not.toBe(value.list);
});

test('what is done to a buffer after the call is not seen by the function', async () => {
  const first = defineFunction('inlineFirstByte', { pool: 'images' }, (bytes: Uint8Array) => bytes[0]);
  const bytes = new Uint8Array(2_000).fill(1);
  const call = flame.call(first, bytes);
  bytes.fill(9);
  expect(await call).toBe(1);
});

test('the function finds its context, and a handle has the same id', async () => {
  const handle = await flame.cast(context);
  expect(await handle.result()).toEqual({ attempt: 1, isInline: true, callId: handle.id });
  expect(await flame.attach(handle.id).status()).toMatchObject({ state: 'succeeded' });
});

test('timeout, cancel and retries work; a retry by hand starts again', async () => {
  await expect(flame.call(slow.with({ timeout: 20 }), 5_000)).rejects.toBeInstanceOf(FlameTimeoutError);
  const handle = await flame.cast(slow, 5_000);
  expect(await handle.cancel('enough')).toBe('stopping');
  await expect(handle.result()).rejects.toBeInstanceOf(FlameCancelledError);

  let tries = 0;
  const flaky = defineFunction('inlineFlaky', { pool: 'images', retries: 2 }, () => {
    tries += 1;
    if (tries < 5) throw new Error(`try ${tries}`);
    return tries;
  });
  const failed = await flame.cast(flaky);
  await expect(failed.result()).rejects.toThrow('try 3');
  expect(await failed.retry()).toBe('retried');
  expect(await failed.result()).toBe(5);
  expect(await failed.retry()).toBe('not-failed');
});

test('the same id is the same call; with other arguments it is refused', async () => {
  const once = copy.with({ id: 'x' });
  const [a, b] = await Promise.all([flame.cast(once, { list: [1] }), flame.cast(once, { list: [1] })]);
  expect(a.id).toBe(b.id);
  await expect(flame.call(once, { list: [2] })).rejects.toBeInstanceOf(FlameIdConflictError);
});

test('progress reaches the handle', async () => {
  const steps = defineFunction('inlineSteps', { pool: 'images' }, async () => {
    for (const step of [1, 2, 3]) {
      flame.context().progress({ step });
      await sleep(15);
    }
  });
  const seen: unknown[] = [];
  for await (const value of (await flame.cast(steps)).progress()) seen.push(value);
  expect(seen).toEqual([{ step: 1 }, { step: 2 }, { step: 3 }]);
});

test('close rejects what runs, and further calls', async () => {
  const pending = flame.call(slow, 5_000).catch((e: unknown) => e);
  await flame.close();
  expect(await pending).toBeInstanceOf(FlameClosedError);
  await expect(flame.call(copy, { list: [] })).rejects.toBeInstanceOf(FlameClosedError);
});

test('F18 a placed function hands its value over and ends with its handle', async () => {
  const service = defineFunction('inlineService', { pool: 'images' }, async (fails: boolean) => {
    const { ready, signal } = flame.context();
    if (fails) throw new Error('no port is free');
    ready({ port: 80 });
    await sleep(60_000, undefined, { signal });
  });
  const child = await flame.placeChild(service, false);
  expect(child.value).toEqual({ port: 80 });
  await child.stop();
  await expect(child.ended).rejects.toBeInstanceOf(FlameCancelledError);
  await expect(flame.placeChild(service, true)).rejects.toThrow('no port is free');
});

test('a placed function that ends without having been up is refused by name', async () => {
  const brief = defineFunction('inlineBrief', { pool: 'images' }, () => 1);
  await expect(flame.placeChild(brief)).rejects.toThrow(/without calling context\(\)\.ready/);
});
