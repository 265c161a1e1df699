/** How callers hear of outcomes: by pushes, and by what replaces them when those do not come. */
import { Writable } from 'node:stream';
import { callBackendFactory } from '@flamejs/protocol/call-backend-factory';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startProxy, type TcpProxy } from '../../../../tests/support/proxy.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createFlame, type Flame } from '../../src/client/index.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';

const echo = defineFunction('repliesEcho', { pool: 'images' }, (value: unknown) => value);

let app: App;
const flames: Flame[] = [];
const proxies: TcpProxy[] = [];
beforeEach(async () => {
  app = await startApp();
});
afterEach(async () => {
  for (const flame of flames.splice(0)) await flame.close();
  for (const proxy of proxies.splice(0)) await proxy.stop();
  await app.stop();
});

interface Caller {
  readonly flame: Flame;
  warnings(): string;
}

/** A caller of its own, by another address or user. */
const caller = (url: string): Caller => {
  let text = '';
  const sink = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  const logger = pino({ level: 'warn' }, sink);
  const flame = createFlame({ ...app.config, redis: { kind: 'single', url, options: {} } }, { logger });
  flames.push(flame);
  return { flame, warnings: () => text };
};

const streams = (): Promise<string[]> => app.client.keys(keys.reply('*'));
const listeners = async (): Promise<readonly string[]> =>
  (await app.client.call('PUBSUB', 'CHANNELS', keys.told('*'))) as string[];

test('outcomes are pushed: no stream is written, and large ones are fetched', async () => {
  app.serve();
  expect(await app.flame.call(echo, 1)).toBe(1);
  for (const size of [100, 5_000, 30_000, 200_000]) {
    expect(await app.flame.call(echo, 'x'.repeat(size))).toHaveLength(size);
  }
  expect(await listeners()).toHaveLength(1);
  expect(await streams()).toEqual([]);
});

test('a call that is removed while it is awaited tells its caller at once', async () => {
  const promise = app.flame.call(echo.with({ id: 'gone' }), 1).catch((error: unknown) => error);
  const id = await waitFor(async () => (await app.client.lrange(`${keys.queue}wait`, 0, -1))[0], { what: 'the call' });
  await callBackendFactory({ client: app.client })('images', { prefix: keys.base }).remove(id, false);
  expect(await promise).toMatchObject({ name: 'FlameRemovedError' });
});

test('a subscription that is cut, as one is that reads too slowly, is opened again, and what was missed is found', async () => {
  const { flame } = caller(app.redis.url);
  const promise = flame.call(echo, 'missed');
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, { what: 'the call to wait' });
  const [first] = await listeners();
  await app.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  app.serve();
  expect(await promise).toBe('missed');
  await waitFor(async () => (await listeners()).includes(first ?? ''), { what: 'it to listen again' });
  expect(await flame.call(echo, 'and on')).toBe('and on');
  expect(await streams()).toEqual([]);
});

test('a subscription that falls silent is opened again, and what was pushed into the void is found', async () => {
  const proxy = await startProxy(Number(new URL(app.redis.url).port));
  proxies.push(proxy);
  const { flame } = caller(proxy.url);
  const connections = async (): Promise<readonly string[]> =>
    Array.from(
      String(await app.client.client('LIST')).matchAll(/^id=(\d+) .*name=flame:shop:pushed-replies /gm),
      ([, id = '']) => id,
    );
  app.serve();
  expect(await flame.call(echo, 1)).toBe(1);
  const before = await connections();
  expect(before).toHaveLength(1);
  const promise = flame.call(echo.with({ delay: 300 }), 2);
  await waitFor(async () => (await app.client.zcard(`${keys.queue}delayed`)) === 1, { what: 'it to be accepted' });
  // Nothing closes, and nothing comes any more.
  proxy.forget();
  await waitFor(async () => (await connections()).some((id) => !before.includes(id)), { what: 'another connection' });
  expect(await promise).toBe(2);
});

test.each([
  ['may not listen to the channel', 1, ['resetchannels', '&{flame:shop}:kick', '&{flame:shop:*}:control']],
  ['may not subscribe', 1, ['-subscribe']],
  ['may not ping', 0, ['-ping']],
])('a caller that %s hears of its calls all the same, and says what it lacks', async (_, warned, rights) => {
  await app.client.call('ACL', 'SETUSER', 'less', 'on', '>x', '~*', '&*', '+@all', ...rights);
  const url = app.redis.url.replace('redis://', 'redis://less:x@');
  const { flame, warnings } = caller(url);
  app.serve();
  for (let i = 0; i < 5; i += 1) expect(await flame.call(echo, i)).toBe(i);
  expect(warnings().split('pushed replies').length - 1).toBe(warned);
});

test('a runner that may not push is heard by the stream, and the caller says so once', async () => {
  // Who serves the calls here.
  await app.client.call('ACL', 'SETUSER', 'default', 'resetchannels', '&{flame:shop}:kick', '&{flame:shop:*}:control');
  await app.client.call('ACL', 'SETUSER', 'caller', 'on', '>x', '~*', '&*', '+@all');
  const { flame, warnings } = caller(app.redis.url.replace('redis://', 'redis://caller:x@'));
  app.serve();
  for (let i = 0; i < 20; i += 1) expect(await flame.call(echo, i)).toBe(i);
  expect(warnings().split('are not pushed').length - 1).toBe(1);
});
