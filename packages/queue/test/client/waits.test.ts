/** How long a caller waits is its own business: a wait ends when it was told to, and the call goes on. */

import { connect, disconnect, whenReady } from '@flamejs/protocol/connect';
import { FlameConfigError, type FlameError, FlameTimeoutError, FlameWaitTimeoutError } from '@flamejs/protocol/errors';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';

const echo = defineFunction('waitsEcho', { pool: 'images' }, (value: unknown) => value);

let app: App;
beforeEach(async () => {
  app = await startApp();
});
afterEach(() => app.stop());

test('C-07: a wait of weeks lasts until the outcome is there', async () => {
  const handle = await app.flame.cast(echo, 'late');
  const waits = [handle.result({ timeout: '25d' }), handle.result({ timeout: '1000000d' })];
  // A timer that holds no more than 2^31 ms fires at once; whoever waits long enough to see it sees a second wait end.
  await expect(handle.result({ timeout: 100 })).rejects.toBeInstanceOf(FlameWaitTimeoutError);
  app.serve();
  expect(await Promise.all(waits)).toEqual(['late', 'late']);
});

test('C-07: a wait that ends says that nothing was stopped, by a class of its own; the call goes on', async () => {
  const handle = await app.flame.cast(echo, 'later');
  const error = await handle.result({ timeout: '150ms' }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FlameWaitTimeoutError);
  expect(error).not.toBeInstanceOf(FlameTimeoutError);
  expect(error).toMatchObject({ code: 'FLAME_ERR_WAIT_TIMEOUT', timeoutMs: 150, callId: handle.id });
  expect((error as FlameError).advice).toMatch(/status\(\)/);
  app.serve();
  expect(await handle.result()).toBe('later');
});

test('C-07: an aborted wait rejects with the reason and cancels nothing; a bad timeout is refused', async () => {
  const handle = await app.flame.cast(echo, 'later');
  const abort = new AbortController();
  const wait = handle.result({ signal: abort.signal, timeout: '1h' });
  const reason = new Error('enough');
  abort.abort(reason);
  await expect(wait).rejects.toBe(reason);
  await expect(handle.result({ signal: abort.signal })).rejects.toBe(reason);
  await expect(handle.result({ timeout: -1 })).rejects.toBeInstanceOf(FlameConfigError);
  expect(await app.client.llen(`${keys.queue}wait`)).toBe(1);
});

test('C-07: a connectTimeout of weeks waits for a Redis that comes later', async () => {
  await app.redis.kill9();
  const client = connect(app.config.redis, 'producer', 'test:patient');
  client.on('error', () => undefined);
  try {
    let over = false;
    const ready = whenReady(client, 30 * 86_400_000).finally(() => {
      over = true;
    });
    await waitFor(() => client.status === 'reconnecting', { what: 'a failed attempt' });
    expect(over).toBe(false);
    await app.redis.restart();
    await ready;
  } finally {
    disconnect(client);
  }
});
