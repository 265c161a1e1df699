/** What a caller holds on to: nothing of calls that are over, however long the signal or the iteration lives. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { listening } from '../../src/client/abort-listeners.ts';
import { mapCalls } from '../../src/client/map.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';

const echo = defineFunction('heldEcho', { pool: 'images' }, (value: unknown) => value);

let app: App;
beforeEach(async () => {
  app = await startApp();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app.stop();
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const heapMb = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1024 / 1024;
};

test('C-50: a signal lets go of each cast that is over, and still stops those that are not', async () => {
  const abort = new AbortController();
  const held = echo.with({ signal: abort.signal });
  const first = await app.flame.cast(held, 0);
  for (let i = 1; i < 20; i += 1) await app.flame.cast(held, i);
  expect(listening(abort.signal)).toBe(20);
  expect(await first.cancel()).toBe('cancelled');
  await waitFor(() => listening(abort.signal) === 19, { what: 'the cancelled one to be let go' });
  app.serve();
  await waitFor(() => listening(abort.signal) === 0, { what: 'all to be let go' });
  const last = await app.flame.cast(held.with({ delay: '1h' }), 20);
  abort.abort(new Error('enough'));
  await waitFor(async () => (await last.status()).state === 'failed', { what: 'the last one to be stopped' });
});

test('C-50: map makes one listener of a long-lived signal, and none stays', async () => {
  const any = vi.spyOn(AbortSignal, 'any');
  const abort = new AbortController();
  app.serve();
  const inputs = Array.from({ length: 60 }, (_, i) => i);
  const most: number[] = [];
  const values: unknown[] = [];
  for await (const value of app.flame.map(echo.with({ signal: abort.signal }), inputs, { concurrency: 10 })) {
    values.push(value);
    most.push(listening(abort.signal));
  }
  expect(values).toEqual(inputs);
  expect(Math.max(...most)).toBe(1);
  expect(listening(abort.signal)).toBe(0);
  expect(any).not.toHaveBeenCalled();
});

test('C-50: the signal of a map ends its calls and its iteration with its reason', async () => {
  const abort = new AbortController();
  const reason = new Error('enough');
  const iteration = app.flame.map(echo.with({ signal: abort.signal }), [1, 2, 3]).next();
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 3, { what: 'the calls to wait' });
  abort.abort(reason);
  await expect(iteration).rejects.toBe(reason);
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 0, { what: 'the calls to be removed' });
  await expect(app.flame.map(echo.with({ signal: abort.signal }), [1]).next()).rejects.toBe(reason);
});

test('C-50: results as they complete leave nothing on a slow call', async () => {
  let finish = (): void => undefined;
  const slow = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const inputs = Array.from({ length: 100_000 }, (_, i) => i);
  const call = async ([n]: readonly unknown[]): Promise<unknown> => {
    if (n === 0) await slow;
    return n;
  };
  let seen = 0;
  let before = 0;
  for await (const value of mapCalls(call, inputs, { concurrency: 4, ordered: false })) {
    seen += 1;
    if (seen === 1_000) before = heapMb();
    if (seen === 99_999) {
      expect(heapMb() - before).toBeLessThan(10);
      finish();
    }
    if (seen === 100_000) expect(value).toBe(0);
  }
  expect(seen).toBe(100_000);
});
