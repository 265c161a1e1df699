/** Streams of inline mode, and server-sent events, which need nothing that it has not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FlameStreamError, FlameTimeoutError } from '@flamejs/protocol/errors';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFlame, type Flame, serveEvents } from '../../src/client/index.ts';
import { defineFunction } from '../../src/fn.ts';
import { appConfig } from './app.ts';

let flame: Flame;
let yielded = 0;
let closed = 0;
beforeEach(() => {
  flame = createFlame(appConfig('redis://127.0.0.1:1'), { mode: 'inline' });
  yielded = 0;
  closed = 0;
});
afterEach(() => flame.close());

const count = defineFunction('inlineCount', { pool: 'images' }, async function* (n: number, ms: number = 0) {
  try {
    for (let i = 0; i < n; i += 1) {
      if (ms > 0) await sleep(ms);
      yielded += 1;
      yield { i };
    }
    return `counted ${n}`;
  } finally {
    closed += 1;
  }
});
const flaky = defineFunction('inlineFlaky', { pool: 'images', retries: 1 }, async function* (ms: number) {
  const { attempt } = flame.context();
  yield `${attempt}:0`;
  await sleep(ms);
  if (attempt === 1) throw new RangeError('the first attempt fails');
});
const goesOn = defineFunction('inlineGoesOn', { pool: 'images', retries: 1, resumable: true }, async function* () {
  const { attempt, resumeFrom } = flame.context();
  for (let i = resumeFrom; i < 4; i += 1) {
    yield i;
    await sleep(5);
    if (attempt === 1 && i === 1) throw new RangeError('the first attempt fails');
  }
});

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};

test('items come in order, as copies, and the result is what the generator returns', async () => {
  const stream = flame.stream(count, 3);
  expect(await all(stream)).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
  expect(await stream.result).toBe('counted 3');
});

test('the function waits for its reader, its timeout stands still meanwhile, and leaving closes it', async () => {
  const stream = flame.stream(count.with({ timeout: '200ms' }), 5_000);
  const reader = stream[Symbol.asyncIterator]();
  await reader.next();
  await vi.waitFor(async () => expect((await stream.status()).reason).toBe('reader'));
  expect(yielded).toBeLessThan(2_000);
  await sleep(400);
  expect((await reader.next()).value).toEqual({ i: 1 });
  await reader.return?.();
  await vi.waitFor(() => expect(closed).toBe(1));
  const slow = flame.stream(count.with({ timeout: '50ms' }), 2, 1_000);
  await expect(all(slow)).rejects.toBeInstanceOf(FlameTimeoutError);
});

test('another attempt begins anew while nothing was read, goes on when it can, and is none otherwise', async () => {
  const unread = flame.stream(flaky, 0);
  await vi.waitFor(async () => expect((await unread.status()).state).toBe('succeeded'));
  expect(await all(unread)).toEqual(['2:0']);
  await expect(all(flame.stream(flaky, 50))).rejects.toThrow('the first attempt fails');
  expect(await all(flame.stream(goesOn))).toEqual([0, 1, 2, 3]);
});

test('flame.call on a function that yields is a typed error, and a second reader is one', async () => {
  await expect((flame.call as (...all: unknown[]) => Promise<unknown>)(count, 1)).rejects.toBeInstanceOf(
    FlameStreamError,
  );
  const stream = flame.stream(count, 1);
  await all(stream);
  expect(() => stream.readable).toThrow(FlameStreamError);
});

test('a reader by attach begins where it wants, and a result that is awaited alone reads and drops', async () => {
  const stream = flame.stream(count, 5);
  await stream.result;
  expect(await all(flame.attach(stream.id).stream({ from: 3 }))).toEqual([{ i: 3 }, { i: 4 }]);
});

const events = (last?: string): Request =>
  new Request('http://localhost/events', last === undefined ? {} : { headers: { 'last-event-id': last } });

test('server-sent events: items with their index, an end, and nothing once the browser has seen it', async () => {
  const { id, result } = flame.stream(count, 3);
  await result;
  const may = { id, authorize: () => true };
  const response = await serveEvents(flame, events(), may);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  expect(await response.text()).toBe(
    'id: 0\ndata: {"i":0}\n\nid: 1\ndata: {"i":1}\n\nid: 2\ndata: {"i":2}\n\nid: end\nevent: end\ndata: "counted 3"\n\n',
  );
  expect(await (await serveEvents(flame, events('1'), may)).text()).toMatch(/^id: 2\n/);
  expect((await serveEvents(flame, events('end'), may)).status).toBe(204);
  const lines = await serveEvents(flame, events('1'), { ...may, serialize: () => 'a\r\nb\n\nid: 9' });
  expect(await lines.text()).toMatch(/^id: 2\ndata: a\ndata: b\ndata: \ndata: id: 9\n\nid: end\n/);
});

test('server-sent events are for whom the application allows it, and say no more of an error than its name', async () => {
  const stream = flame.stream(flaky, 50);
  const { id } = stream;
  const asked: string[] = [];
  const refused = await serveEvents(flame, events(), { id, authorize: (_, of) => asked.push(of) < 0 });
  expect([refused.status, asked]).toEqual([403, [id]]);
  expect((await serveEvents(flame, events(), { id: 'nonsense', authorize: () => true })).status).toBe(404);
  await expect(all(stream)).rejects.toThrow();
  const text = await (await serveEvents(flame, events(), { id, authorize: () => true })).text();
  expect(text).toContain('event: failed\ndata: {"name":"RangeError"}\n');
  expect(text).not.toContain('the first attempt fails');
});

test('a page that is closed leaves the function alone', async () => {
  const stream = flame.stream(count, 2, 30);
  const response = await serveEvents(flame, events(), { id: stream.id, authorize: () => true });
  await response.body?.cancel();
  expect(await all(stream)).toHaveLength(2);
});
