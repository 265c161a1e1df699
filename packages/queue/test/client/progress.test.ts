/** Following a call: the newest value is never lost, and many that follow cost one connection. */
import { encode } from '@flamejs/protocol/codec';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';

const steps = defineFunction('progressSteps', { pool: 'images' }, () => 'done');

let app: App;
beforeEach(async () => {
  app = await startApp();
});
afterEach(() => app.stop());

/** As a runner does. */
const report = async (callId: string, value: unknown): Promise<void> => {
  const bytes = encode(value).json;
  await app.client.set(keys.progress(callId), bytes, 'PX', 60_000);
  await app.client.publish(keys.progress(callId), bytes);
};

const collect = async (iterable: AsyncIterable<unknown>, seen: unknown[] = []): Promise<unknown[]> => {
  for await (const value of iterable) seen.push(value);
  return seen;
};

const subscribers = async (): Promise<number> => {
  const list = String(await app.client.call('CLIENT', 'LIST'));
  return list.split('\n').filter((line) => line.includes('name=flame:shop:progress')).length;
};

test('C-10: what is reported last is read, also when the outcome is faster than its message', async () => {
  const handle = await app.flame.cast(steps);
  const seen: unknown[] = [];
  const following = collect(handle.progress(), seen);
  await waitFor(async () => (await subscribers()) === 1, { what: 'somebody to follow' });
  await report(handle.id, 'first');
  await waitFor(() => seen.length === 1, { what: 'the first value' });
  // Kept, and its message never arrives.
  await app.client.set(keys.progress(handle.id), encode('last').json);
  app.serve();
  expect(await following).toEqual(['first', 'last']);
});

test('C-10: each value is read once, the same one twice when it was reported twice', async () => {
  const handle = await app.flame.cast(steps);
  await report(handle.id, 'before');
  const seen: unknown[] = [];
  const following = collect(handle.progress(), seen);
  await waitFor(() => seen.length === 1, { what: 'the kept value' });
  for (const value of ['a', 'a', 'b']) await report(handle.id, value);
  await waitFor(() => seen.length === 4, { what: 'the values' });
  app.serve();
  expect(await following).toEqual(['before', 'a', 'a', 'b']);
  expect(await collect(app.other().attach(handle.id).progress())).toEqual(['b']);
});

test('C-10: a value that was reported while the connection was away is read when it is back', async () => {
  const handle = await app.flame.cast(steps);
  const seen: unknown[] = [];
  const following = collect(handle.progress(), seen);
  await waitFor(async () => (await subscribers()) === 1, { what: 'somebody to follow' });
  await app.client.set(keys.progress(handle.id), encode('missed').json);
  await app.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await waitFor(() => seen.includes('missed'), { what: 'the value that was missed' });
  app.serve();
  expect(await following).toEqual(['missed']);
});

test('C-50: many that follow share one connection, and none stays when they have gone', async () => {
  const handles = await Promise.all(Array.from({ length: 30 }, () => app.flame.cast(steps)));
  const following = handles.map((handle) => collect(handle.progress()));
  const early = handles[0]?.progress();
  void early?.next();
  await waitFor(
    async () => Number(((await app.client.call('PUBSUB', 'CHANNELS', '*:progress:*')) as string[]).length) === 30,
    {
      what: 'all to be followed',
    },
  );
  expect(await subscribers()).toBe(1);
  app.serve();
  await Promise.all(following);
  await early?.return?.();
  await waitFor(async () => (await subscribers()) === 0, { what: 'the connection to be closed' });
  // And again, on a new one.
  const again = await app.flame.cast(steps);
  expect(await collect(again.progress())).toEqual([]);
});
