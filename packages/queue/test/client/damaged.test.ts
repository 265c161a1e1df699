/** What a caller meets when something in Redis is damaged: its bounds hold, and one bad record is one bad answer. */

import { FlameDataLossError, FlameQueueTimeoutError } from '@flamejs/protocol/errors';
import { appKeys } from '@flamejs/protocol/keys';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { settles, waitFor } from '../../../../tests/support/wait-for.ts';
import type { FlameFunction } from '../../src/types.ts';
import { type App, keys, startApp } from './app.ts';

let app: App;
let add: FlameFunction<[number, number], number>;
const registry = appKeys('flame', 'shop').pools;

beforeAll(async () => {
  app = await startApp();
  add = app.flame.fn('add', { pool: 'images' }, (a: number, b: number) => a + b);
});
afterAll(() => app.stop());
afterEach(() => app.client.flushall());

const DAMAGE = ['{"min":', 'null', '[]', '{}', '{"min":"1"}', '""'];

test.each(DAMAGE)('C-04: a registry entry of any pool that is %j leaves a caller its bounds', async (text) => {
  await app.client.hset(registry, { images: text, other: text });
  const call = app.flame.call(add.with({ queueTimeout: '200ms' }), 1, 2);
  await expect(settles(call, { what: 'the call' })).rejects.toBeInstanceOf(FlameQueueTimeoutError);
});

test('C-04: status() works beside a damaged registry', async () => {
  await app.client.hset(registry, 'images', '{');
  const handle = await app.flame.cast(add, 1, 2);
  expect(await handle.status()).toMatchObject({ state: 'waiting', reason: 'no-autoscaler' });
});

test('C-04: a pool whose pause and last start are no numbers takes calls and keeps their bounds', async () => {
  await app.client.set(keys.lastStart, 'never');
  await app.client.hset(`${keys.base}:pause`, { since: 'x', total: 'y' });
  const call = app.flame.call(add.with({ queueTimeout: '200ms' }), 1, 2);
  await expect(settles(call, { what: 'the call' })).rejects.toBeInstanceOf(FlameQueueTimeoutError);
});

test.each(['{', 'null', '{"ok":"yes"}', '{"ok":true}'])(
  'C-04: an outcome whose head is %j settles its call, and says so',
  async (head) => {
    // Nobody serves its calls yet.
    const own = await startApp();
    try {
      const task = own.flame.fn('add', { pool: 'images' }, (a: number, b: number) => a + b);
      const handle = await own.flame.cast(task, 1, 2);
      const other = own.flame.call(task, 3, 4);
      const outcome = { gen: '1', head, body: 'x', fp: '', at: '1' };
      await own.client.hset(keys.outcome(handle.id), outcome);
      const result = own.other().attach(handle.id).result();
      await expect(settles(result, { what: 'the result' })).rejects.toBeInstanceOf(FlameDataLossError);
      expect(await handle.status()).toMatchObject({ state: 'failed', text: expect.stringContaining('damaged') });
      own.serve();
      expect(await other).toBe(7);
    } finally {
      await own.stop();
    }
  },
);

test('C-04: a damaged reply is one bad reply: those behind it arrive', async () => {
  const own = await startApp();
  try {
    const wanted = own.flame.fn('add', { pool: 'images' }, (a: number, b: number) => a + b);
    const first = own.flame.call(wanted, 1, 2).catch((error: unknown) => error);
    const id = await waitFor(async () => (await own.client.lrange(`${keys.queue}wait`, 0, -1))[0], {
      what: 'the call to wait',
    });
    const waiter = (await own.client.hget(`${keys.queue}${id}`, 'f:w')) ?? '';
    // A push: id, generation, length of the head, nothing to acknowledge, the body is there.
    await own.client.publish(keys.told(waiter), `${id} 1 1 0 1\n{x`);
    expect(await settles(first, { what: 'the damaged call' })).toBeInstanceOf(FlameDataLossError);
    own.serve();
    expect(await settles(own.flame.call(wanted, 3, 4), { what: 'the next call' })).toBe(7);
  } finally {
    await own.stop();
  }
});
