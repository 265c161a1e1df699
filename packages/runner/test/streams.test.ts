/** Streams on a real runner: what a function yields comes whole and in order, no faster than it is read, and ends when it is left. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  FlameCodecError,
  FlameDataLossError,
  type FlameStream,
  FlameStreamError,
  FlameTimeoutError,
} from '@flamejs/queue';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import {
  linesOf,
  type RunnerProcess,
  type RunnerProcessOptions,
  type Stage,
  startStage,
  type Tasks,
} from './support.ts';

const FIXTURES = fileURLToPath(new URL('../../../tests/fixtures/app/', import.meta.url));
const functions = JSON.stringify([join(FIXTURES, 'tasks.mjs'), join(FIXTURES, 'streams.mjs')]);

let stage: Stage;
let tasks: Tasks;
let files = 0;
let file: string;
const begin = (options: RunnerProcessOptions = {}): Promise<RunnerProcess> =>
  stage.startRunner({
    ...options,
    pool: { maxConcurrency: 2, killGrace: '300ms', ...options.pool },
    env: { FLAME_TEST_FUNCTIONS: functions },
  });
beforeAll(async () => {
  stage = await startStage();
  tasks = (await import('../../../tests/fixtures/app/streams.mjs' as string)) as Tasks;
  await begin();
});
afterAll(() => stage.stop());
const newFile = (): void => {
  files += 1;
  file = join(stage.folder, `stream-${files}.txt`);
};
beforeEach(newFile);

const notes = (): readonly string[] => {
  try {
    return linesOf(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
};
const stream = (task: Tasks[string] | undefined, ...args: unknown[]): FlameStream<never, unknown> =>
  (stage.flame.stream as (...all: unknown[]) => FlameStream<never, unknown>)(task, ...args);
const all = async (items: AsyncIterable<unknown>): Promise<unknown[]> => {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
};
const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    return expect.fail(`expected a rejection, got ${String(await work)}`);
  } catch (error) {
    return error;
  }
};
const settled = (id: string): Promise<unknown> =>
  waitFor(async () => (await stage.client.exists(stage.keys.outcome(id))) === 1, { what: 'the call to end' });

test('items come in order, and what the generator returns is the result', async () => {
  const items = stream(tasks.countTo, 500);
  expect(await all(items)).toEqual(Array.from({ length: 500 }, (_, i) => i));
  expect(await items.result).toBe('counted 500');
  expect((await items.status()).state).toBe('succeeded');
});

test('a generator that is not async, and a function that returns a web stream, are streams too', async () => {
  expect(await all(stream(tasks.countInStep, 3))).toEqual([0, 1, 2]);
  expect(await all(stream(tasks.webStream, 3))).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
});

test('an empty stream ends at once, with its result', async () => {
  const items = stream(tasks.countTo, 0);
  expect(await all(items)).toEqual([]);
  expect(await items.result).toBe('counted 0');
});

test('the first item is there long before the second', async () => {
  const items = stream(tasks.noted, file, 2, 1_500);
  const reader = items[Symbol.asyncIterator]();
  expect((await reader.next()).value).toBe(0);
  expect(notes()).not.toContain('yields 1');
  expect((await reader.next()).value).toBe(1);
  expect((await reader.next()).done).toBe(true);
});

test('`readable` gives the same items as a web stream', async () => {
  expect(await all(stream(tasks.countTo, 5).readable as unknown as AsyncIterable<unknown>)).toEqual([0, 1, 2, 3, 4]);
});

test('a slow reader holds the function back: no more than the window is under way', async () => {
  const items = stream(tasks.noted, file, 10_000);
  const reader = items[Symbol.asyncIterator]();
  await reader.next();
  await waitFor(async () => (await items.status()).reason === 'reader', {
    what: 'the function to wait for its reader',
  });
  const yielded = notes().filter((line) => line.startsWith('yields')).length;
  expect(yielded).toBeGreaterThanOrEqual(1_000);
  expect(yielded).toBeLessThan(3_000);
  expect((await items.status()).text).toContain('waits for its reader');
  await reader.return?.();
});

test('a reader that leaves its loop stops the function: abort, `finally`, and no failure', async () => {
  const items = stream(tasks.noted, file, 10_000);
  for await (const item of items) if (item === 3) break;
  await settled(items.id);
  await waitFor(() => notes().includes('closed'), { what: 'the generator to be closed' });
  expect(notes()).toContain('aborted');
  expect(notes()).not.toContain('whole');
  expect(await items.result).toBeUndefined();
  expect((await items.status()).state).toBe('succeeded');
});

test('a stream has one reader', async () => {
  const items = stream(tasks.countTo, 3);
  const reader = items[Symbol.asyncIterator]();
  expect(() => items[Symbol.asyncIterator]()).toThrow(FlameStreamError);
  expect(() => items.readable).toThrow('has a reader already');
  expect((await reader.next()).value).toBe(0);
  await reader.return?.();
});

test('awaiting the result without a reader reads the items and drops them', async () => {
  expect(await stream(tasks.countTo, 5_000).result).toBe('counted 5000');
});

test('a function that throws after items delivers those, and then the error', async () => {
  const items = stream(tasks.throwsAfter, 5);
  const found: unknown[] = [];
  const error = await failureOf(
    (async () => {
      for await (const item of items) found.push(item);
    })(),
  );
  expect(found).toEqual([0, 1, 2, 3, 4]);
  expect(error).toBeInstanceOf(RangeError);
  expect(error).toMatchObject({ message: 'no item 5', at: 5 });
  expect(await failureOf(items.result)).toBe(error);
});

test('an item that cannot be sent ends the stream with the path to it', async () => {
  const items = stream(tasks.badItem);
  expect(await failureOf(all(items))).toBeInstanceOf(FlameCodecError);
});

test('flame.call on a function that yields, and flame.stream on one that does not, are typed errors', async () => {
  const called = await failureOf(stage.call(tasks.countTo, 3));
  expect(called).toBeInstanceOf(FlameStreamError);
  expect(called).toMatchObject({ code: 'FLAME_ERR_STREAM', reason: 'called' });
  const late = await failureOf(stage.call(tasks.webStream?.with({ retries: 3 }), 3));
  expect(late).toMatchObject({ code: 'FLAME_ERR_STREAM', reason: 'called' });
  expect(await failureOf(all(stream(tasks.plainValue)))).toMatchObject({ reason: 'no-items' });
});

test('retries begin anew while nothing was read, and end with the error afterwards', async () => {
  const unread = stream(tasks.flakyStream?.with({ retries: 2 }), file, 0);
  await waitFor(() => notes().includes('begins 2'), { what: 'the second attempt' });
  expect(await all(unread)).toEqual(['2:0', '2:1', '2:2']);
  expect(await unread.result).toBe(2);

  newFile();
  const read = stream(tasks.flakyStream?.with({ retries: 2 }), file, 500);
  const found: unknown[] = [];
  const error = await failureOf(
    (async () => {
      for await (const item of read) found.push(item);
    })(),
  );
  expect(found).toEqual(['1:0', '1:1', '1:2']);
  expect(error).toMatchObject({ message: 'the first attempt fails' });
  expect(notes()).toEqual(['begins 1']);
});

test('the timeout stands still while the function waits for its reader, and not while it computes', async () => {
  const items = stream(tasks.noted?.with({ timeout: '2s' }), file, 2_500);
  const reader = items[Symbol.asyncIterator]();
  await reader.next();
  await waitFor(async () => (await items.status()).reason === 'reader', {
    what: 'the function to wait for its reader',
  });
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  let last = 0;
  for (let step = await reader.next(); step.done !== true; step = await reader.next()) last = step.value;
  expect(last).toBe(2_499);

  const spinning = stream(tasks.spinsWhileWaiting?.with({ timeout: '2s' }));
  const first = spinning[Symbol.asyncIterator]();
  await first.next();
  await settled(spinning.id);
  expect(await failureOf(spinning.result)).toBeInstanceOf(FlameTimeoutError);
});

test('a stream by attach: from an index on while it is kept, beside its owner, and stops nothing when it leaves', async () => {
  const items = stream(tasks.countTo, 2_000, 1);
  const reader = items[Symbol.asyncIterator]();
  for (let i = 0; i < 100; i += 1) await reader.next();
  const other = stage.flame.attach(items.id).stream<number>({ from: 40 });
  const seen: number[] = [];
  for await (const item of other) {
    seen.push(item);
    if (seen.length === 20) break;
  }
  expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => 40 + i));
  const whole = all(stage.flame.attach(items.id).stream());
  let count = 100;
  for (let step = await reader.next(); step.done !== true; step = await reader.next()) count += 1;
  expect(count).toBe(2_000);
  expect((await whole).length).toBe(2_000);
});

test('what has fallen out of the retention is an error that names the first index that there is', async () => {
  const items = stream(tasks.chunks, 100, 64 * 1024);
  for await (const _ of items);
  const error = await failureOf(all(stage.flame.attach(items.id).stream()));
  expect(error).toMatchObject({ code: 'FLAME_ERR_STREAM', reason: 'gone' });
  const { firstIndex = 0 } = error as FlameStreamError;
  expect(firstIndex).toBeGreaterThan(50);
  expect((await all(stage.flame.attach(items.id).stream({ from: firstIndex }))).length).toBe(100 - firstIndex);
});

test('a cast of a generator waits for nobody; its newest items are kept', async () => {
  const handle = (await stage.cast(tasks.noted, file, 5_000)) as unknown as ReturnType<Stage['flame']['attach']>;
  expect(await handle.result()).toEqual({ attempt: 1 });
  expect((await all(handle.stream())).length).toBe(5_000);
});

test('nothing of a stream stays without a time to live, and it is removed with its call', async () => {
  const items = stream(tasks.countTo, 10);
  await all(items);
  const keys = [
    stage.keys.stream(items.id),
    `${stage.keys.base}:chunks:${items.id}`,
    `${stage.keys.base}:items:${items.id}`,
  ];
  for (const key of keys) expect(await stage.client.pttl(key)).toBeGreaterThan(0);
  await waitFor(async () => (await stage.client.pttl(keys[2] as string)) <= 60_000, {
    what: 'the end to be acknowledged',
  });
});

test('what Redis holds that is not what was written is an error, and never looks like the end', async () => {
  const kept = async (): Promise<{ readonly id: string; readonly items: string; readonly chunks: string }> => {
    const { id, result } = await stage.cast(tasks.countTo, 1_000);
    await result();
    return { id, items: `${stage.keys.base}:items:${id}`, chunks: `${stage.keys.base}:chunks:${id}` };
  };
  const reading = (id: string): Promise<unknown> => failureOf(all(stage.flame.attach(id).stream()));
  const bodiesOf = async (chunks: string): Promise<readonly string[]> =>
    (await stage.client.zrange(chunks, '0', '-1')).map((chunk) => chunk.split(' ')[0] ?? '');

  const swapped = await kept();
  const [first = '', second = ''] = await bodiesOf(swapped.chunks);
  await stage.client.hset(swapped.items, second, (await stage.client.hgetBuffer(swapped.items, first)) as Buffer);
  expect(await reading(swapped.id)).toBeInstanceOf(FlameDataLossError);

  const dropped = await kept();
  const [, middle = ''] = await stage.client.zrange(dropped.chunks, '0', '-1');
  await stage.client.zrem(dropped.chunks, middle);
  expect(await reading(dropped.id)).toBeInstanceOf(FlameDataLossError);

  const cut = await kept();
  const last = (await stage.client.zrange(cut.chunks, '-1', '-1'))[0] ?? '';
  await stage.client.zrem(cut.chunks, last);
  await stage.client.hset(stage.keys.stream(cut.id), 'next', last.split(' ')[0] ?? '');
  expect(await reading(cut.id)).toBeInstanceOf(FlameDataLossError);
});

test('a function reads a stream and yields one of its own', async () => {
  const nested = (await stage.call(tasks.nestedCount, 300)) as {
    readonly sum: number;
    readonly result: unknown;
    readonly id: string;
  };
  expect(nested).toMatchObject({ sum: (299 * 300) / 2, result: 'counted 300' });
  expect((await stage.flame.attach(nested.id).status()).state).toBe('succeeded');
  const items = await all(stream(tasks.relay, 1_500));
  expect(items).toEqual(Array.from({ length: 1_500 }, (_, i) => i * 2));
});
