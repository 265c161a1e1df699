/** What a caller does beside its calls: it says that it lives, keeps its stream short, wakes the autoscaler, and asks no more than it has to. */
import { runScript } from '@flamejs/protocol/connect';
import { appKeys } from '@flamejs/protocol/keys';
import { createRedisStore } from '@flamejs/protocol/store/redis-store';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createLink } from '../../src/client/link.ts';
import { backOff, createPendingCalls } from '../../src/client/pending.ts';
import { createPresence } from '../../src/client/presence.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';

const echo = defineFunction('upkeepEcho', { pool: 'images' }, (value: unknown) => value);

let app: App;
beforeEach(async () => {
  app = await startApp();
});
afterEach(() => app.stop());

test('presence is said again and again, in every pool, until it ends', async () => {
  const logger = pino({ level: 'silent' });
  const link = createLink(app.config, logger);
  const presence = createPresence(link, (pool) => `here:${pool}`, logger, 50);
  try {
    await presence.announce('a');
    await presence.announce('b');
    for (const key of ['here:a', 'here:b']) {
      await app.client.del(key);
      await waitFor(async () => (await app.client.pttl(key)) > 5_000, { what: `${key} to be said again` });
    }
    await presence.end();
    expect(await app.client.exists('here:a', 'here:b')).toBe(0);
  } finally {
    link.close();
  }
});

test('replies that were read are taken out of their stream, where they cannot be pushed', async () => {
  await app.client.call('ACL', 'SETUSER', 'default', 'resetchannels', '&{flame:shop}:kick', '&{flame:shop:*}:control');
  app.serve();
  await Promise.all(Array.from({ length: 20 }, (_, i) => app.flame.call(echo, i)));
  const [stream = ''] = await app.client.keys(keys.reply('*'));
  expect(await app.client.type(stream)).toBe('stream');
  await waitFor(async () => (await app.client.xlen(stream)) === 0, { what: 'the stream to be empty' });
});

test('looks at a call that goes on become rarer, up to a bound', () => {
  const settler = { resolve: () => undefined, reject: () => undefined };
  const entry = createPendingCalls().add('images.a', 'images', settler);
  const pauses = Array.from({ length: 7 }, () => {
    backOff(entry, 1_000);
    return entry.lookAt - 1_000;
  });
  expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('many calls wake the autoscaler a few times only: the first at once, the last not later than a quarter of a second', async () => {
  const listener = app.redis.client();
  const heard: string[] = [];
  listener.on('message', (_channel: string, pool: string) => heard.push(pool));
  await listener.subscribe(appKeys('flame', 'shop').kick);
  const begun = performance.now();
  for (let i = 0; i < 100; i += 1) await app.flame.cast(echo, i);
  await waitFor(() => heard.length >= 2, { what: 'the first and a later kick' });
  expect(heard.length).toBeLessThanOrEqual(2 + (performance.now() - begun) / 250);
  expect(heard[0]).toBe('images');
});

test('status counts the attempts of a call that runs, and of one that has ended', async () => {
  const handle = await app.flame.cast(echo, 1);
  const store = createRedisStore(app.client, keys);
  expect(await handle.status()).toMatchObject({ state: 'waiting', attempts: 0 });
  await store.take({ runnerId: 'one', release: 'test' }, { plain: 1, offer: [], offered: [] });
  expect(await handle.status()).toMatchObject({ state: 'running', attempts: 1, runnerId: 'one' });
  await runScript(app.client, 'flameReleaseRunner', [keys.queue, 'one']);
  await store.take({ runnerId: 'two', release: 'test' }, { plain: 1, offer: [], offered: [] });
  expect(await handle.status()).toMatchObject({ attempts: 2, runnerLosses: 1, runnerId: 'two' });
  const head = {
    ok: true,
    kind: 'value',
    message: '',
    attempts: 5,
    runnerLosses: 3,
    runnerId: 'two',
    startedAt: 1,
    size: 1,
  };
  await app.client.hset(keys.outcome(handle.id), { gen: 1, head: JSON.stringify(head), body: 'x' });
  expect(await handle.status()).toMatchObject({ state: 'succeeded', attempts: 5, runnerLosses: 3 });
});
