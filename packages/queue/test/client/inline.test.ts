/** Inline mode: the same encoding, context and errors, without Redis. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  FlameAccessError,
  FlameCallLoopError,
  FlameCancelledError,
  FlameClosedError,
  FlameCodecError,
  FlameDeadlineError,
  FlameIdConflictError,
  FlameTimeoutError,
  FlameWaitTimeoutError,
} from '@flamejs/protocol/errors';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
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

/** A function whose executions end when the test says so, and do not listen to their signal. */
const gated = () => {
  const gates: ((value: string) => void)[] = [];
  const fn = defineFunction(`inlineGated${Math.random()}`, { pool: 'images' }, () => {
    return new Promise<string>((resolve) => gates.push(resolve));
  });
  const begun = (count: number): Promise<void> => vi.waitFor(() => expect(gates.length).toBe(count));
  return { fn, gates, begun };
};

test('C-60: result() waits no longer than it is told, and the call goes on', async () => {
  const { fn, gates, begun } = gated();
  const handle = await flame.cast(fn);
  await begun(1);
  await expect(handle.result({ timeout: 20 })).rejects.toBeInstanceOf(FlameWaitTimeoutError);
  const abort = new AbortController();
  const waiting = handle.result({ signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  gates[0]?.('done');
  expect(await handle.result({ timeout: '1h' })).toBe('done');
});

test('C-60: after cancel and retry an execution of before does not settle the new generation', async () => {
  const { fn, gates, begun } = gated();
  const handle = await flame.cast(fn);
  await begun(1);
  expect(await handle.cancel()).toBe('stopping');
  expect(await handle.retry()).toBe('retried');
  await begun(2);
  const result = handle.result();
  gates[0]?.('old');
  await new Promise(setImmediate);
  expect(await handle.status()).toMatchObject({ state: 'running', generation: 2, attempts: 1 });
  gates[1]?.('new');
  expect(await result).toBe('new');
});

test('C-60: context().deadline is the earlier of timeout and deadline', async () => {
  const ends = defineFunction('inlineEnds', { pool: 'images' }, () => flame.context().deadline?.getTime());
  const before = Date.now();
  const byDeadline = await flame.call(ends.with({ deadline: '5s', timeout: '1h' }));
  expect(byDeadline).toBeGreaterThanOrEqual(before + 5_000);
  expect(byDeadline).toBeLessThanOrEqual(Date.now() + 5_000);
  const byTimeout = await flame.call(ends.with({ deadline: '2h', timeout: '1h' }));
  expect(byTimeout).toBeLessThanOrEqual(Date.now() + 3_600_000);
  await expect(flame.call(slow.with({ deadline: 30 }), 60_000)).rejects.toBeInstanceOf(FlameDeadlineError);
});

test('C-60: progress carries no binary data, as on a runner, and readers get copies', async () => {
  const shared = { step: 1 };
  const reports = defineFunction('inlineReports', { pool: 'images' }, async (bytes: boolean) => {
    const { progress } = flame.context();
    progress(bytes ? new Uint8Array(2_000) : shared);
    shared.step = 2;
    await sleep(20);
  });
  await expect(flame.call(reports, true)).rejects.toBeInstanceOf(FlameCodecError);
  const seen: unknown[] = [];
  for await (const value of (await flame.cast(reports, false)).progress()) seen.push(value);
  expect(seen).toEqual([{ step: 1 }]);
});

test('C-60: close stops what runs, and nothing begins afterwards', async () => {
  let begun = 0;
  const failing = defineFunction('inlineFailing', { pool: 'images', retries: 99, backoff: 1 }, async () => {
    begun += 1;
    await sleep(5, undefined, { signal: flame.context().signal });
    throw new Error('again');
  });
  const delayed = flame.call(failing.with({ delay: 40 })).catch((error: unknown) => error);
  const running = flame.call(failing).catch((error: unknown) => error);
  await vi.waitFor(() => expect(begun).toBeGreaterThan(1));
  await flame.close();
  expect(await running).toBeInstanceOf(FlameClosedError);
  expect(await delayed).toBeInstanceOf(FlameClosedError);
  const when = begun;
  const later = createFlame(appConfig('redis://127.0.0.1:1'), { mode: 'inline' });
  await later.call(copy.with({ delay: 60 }), { list: [] });
  await later.close();
  expect(begun).toBe(when);
});

test('C-60: the same id with other bytes is another call', async () => {
  const size = defineFunction('inlineSize', { pool: 'images' }, (bytes: Uint8Array) => bytes[0]).with({ id: 'bytes' });
  expect(await flame.call(size, new Uint8Array(2_000).fill(1))).toBe(1);
  await expect(flame.call(size, new Uint8Array(2_000).fill(2))).rejects.toBeInstanceOf(FlameIdConflictError);
});

test('A-18: whatever a call rejects with, its stack names the line that called', async () => {
  const myCode = (): Promise<unknown> => flame.call(slow, 60_000);
  const pending = myCode().catch((error: Error) => error);
  const handle = await flame.cast(slow, 60_000);
  const myWait = (): Promise<unknown> => handle.result({ timeout: 1 });
  expect(String(((await myWait().catch((error: Error) => error)) as Error).stack)).toContain('myWait');
  await flame.close();
  expect(String(((await pending) as Error).stack)).toContain('myCode');
  const myCast = (): Promise<unknown> => flame.cast(slow, 1);
  expect(String(((await myCast().catch((error: Error) => error)) as Error).stack)).toContain('myCast');
});

test('C-12: in inline mode, too, calls that await each other in a row are bounded', async () => {
  const deep = defineFunction(
    'inlineDeep',
    { pool: 'images' },
    async (levels: number): Promise<number> => (levels <= 1 ? 1 : 1 + ((await flame.call(deep, levels - 1)) as number)),
  );
  expect(await flame.call(deep, 32)).toBe(32);
  const error = await flame.call(deep, 33).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FlameCallLoopError);
  expect(error).toMatchObject({ code: 'FLAME_ERR_CALL_LOOP', reason: 'depth', line: ['inlineDeep'] });
});

test('C-12: in inline mode, too, what casts itself comes to an end, and what the application casts is not counted', async () => {
  let ran = 0;
  const again = defineFunction('inlineAgain', { pool: 'images' }, async (): Promise<void> => {
    ran += 1;
    await flame.cast(again);
  });
  const burst = defineFunction('inlineBurst', { pool: 'images' }, async (times: number): Promise<unknown> => {
    for (let i = 0; i < times; i += 1) {
      try {
        await flame.cast(burst, 0);
      } catch (error) {
        return error;
      }
    }
    return 'all';
  });
  expect(await flame.call(burst, 200)).toMatchObject({ code: 'FLAME_ERR_CALL_LOOP', reason: 'rate' });
  const handles = await Promise.all(Array.from({ length: 50 }, () => flame.cast(burst, 1)));
  expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual(handles.map(() => 'all'));

  await flame.cast(again);
  let before = -1;
  await vi.waitFor(
    () => {
      const stands = before === ran && ran > 1;
      before = ran;
      expect(stands).toBe(true);
    },
    { timeout: 30_000, interval: 500 },
  );
});

test('T-07: in inline mode, too, a function gets nothing of a call that it neither made nor was given', async () => {
  const secret = await flame.cast(copy, { list: [42] });
  const look = defineFunction('inlineLook', { pool: 'images' }, async (hidden: { id: string[] }) => {
    const handle = flame.attach(hidden.id.join(''));
    const asked = [handle.result(), handle.status(), handle.cancel(), handle.retry(), handle.progress().next()];
    return (await Promise.allSettled(asked)).map((end) => (end.status === 'rejected' ? end.reason : 'told'));
  });
  const told = (await flame.call(look, { id: [...secret.id] })) as unknown[];
  expect(told).toHaveLength(5);
  for (const error of told) expect(error).toBeInstanceOf(FlameAccessError);
  expect(await secret.result()).toEqual({ list: [42] });
});

test('T-07: in inline mode, too, an id that a function made or was given may be asked for, and one it computed may not', async () => {
  const given = await flame.cast(copy, { list: [1] });
  const read = defineFunction('inlineRead', { pool: 'images' }, (id: string) => flame.attach(id).result());
  expect(await flame.call(read, given.id)).toEqual({ list: [1] });
  const pass = defineFunction('inlinePass', { pool: 'images' }, async () => {
    const own = await flame.cast(copy, { list: [2] });
    return [await own.result(), await flame.call(read, own.id)];
  });
  expect(await flame.call(pass)).toEqual([{ list: [2] }, { list: [2] }]);

  const named = await flame.cast(copy.with({ id: 'order-1' }), { list: [3] });
  const guess = defineFunction('inlineGuess', { pool: 'images' }, async () => {
    // The same id with other arguments is refused, and gives no right.
    await flame.cast(copy.with({ id: 'order-1' }), { list: [4] }).catch(() => undefined);
    const [pool, hash] = [named.id.slice(0, 6), named.id.slice(6)];
    return flame.attach(pool + hash).result();
  });
  await expect(flame.call(guess)).rejects.toBeInstanceOf(FlameAccessError);
});

test('the status of a call is told in the words of every place', async () => {
  const { fn, gates, begun } = gated();
  const delayed = await flame.cast(fn.with({ delay: '1h', queueTimeout: '1h' }));
  expect(await delayed.status()).toMatchObject({ state: 'delayed', reason: 'delayed', generation: 1, attempts: 0 });
  expect(await delayed.cancel('enough')).toBe('cancelled');
  expect(await delayed.status()).toMatchObject({
    state: 'failed',
    reason: 'settled',
    text: expect.stringContaining('FlameCancelledError: call'),
  });
  const running = await flame.cast(fn);
  await begun(1);
  const ran = { pool: 'images', functionName: expect.stringContaining('inlineGated'), attempts: 1, generation: 1 };
  expect(await running.status()).toMatchObject({ ...ran, state: 'running', reason: 'running', runnerLosses: 0 });
  gates[0]?.('done');
  await running.result();
  expect(await running.status()).toMatchObject({ ...ran, state: 'succeeded', reason: 'settled', history: [] });
  const unknown = flame.attach('images.aaaaaaaaaaaaaaaaaaaaaaaaaa');
  expect(await unknown.status()).toMatchObject({ state: 'unknown', reason: 'gone', generation: 0 });
  expect([await unknown.cancel(), await unknown.retry()]).toEqual(['unknown', 'unknown']);
});

test('an outcome is forgotten after its time, and a deadline holds for a call that waits', async () => {
  const short = await flame.cast(copy.with({ resultTtl: 30 }), { list: [1] });
  await vi.waitFor(async () => expect(await short.status()).toMatchObject({ state: 'unknown' }), { timeout: 20_000 });
  await expect(short.result()).rejects.toMatchObject({ code: 'FLAME_ERR_REMOVED' });
  await expect(flame.call(copy.with({ delay: '1h', deadline: 30 }), { list: [] })).rejects.toBeInstanceOf(
    FlameDeadlineError,
  );
});
