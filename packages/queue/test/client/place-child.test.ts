/** Placing long-lived functions: whatever happens meanwhile, the child has a handle or does not run. */

import { encode } from '@flamejs/protocol/codec';
import { runScript } from '@flamejs/protocol/connect';
import { FlameConfigError, FlameQueueTimeoutError, FlameUnavailableError } from '@flamejs/protocol/errors';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startProxy, type TcpProxy } from '../../../../tests/support/proxy.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createFlame, type Flame } from '../../src/client/index.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, appConfig, keys, startApp } from './app.ts';

const service = defineFunction('placedService', { pool: 'images' }, () => 'over');

let app: App;
let proxy: TcpProxy;
let flame: Flame;
beforeEach(async () => {
  app = await startApp();
  proxy = await startProxy(app.redis.port);
  flame = createFlame(appConfig(proxy.url, {}, { connectTimeoutMs: 1_000 }), { logger: pino({ level: 'silent' }) });
});
afterEach(async () => {
  await flame.close();
  await proxy.stop();
  await app.stop();
});

const waiting = async (): Promise<string | undefined> => (await app.client.lrange(`${keys.queue}wait`, 0, 0))[0];
const placedId = (): Promise<string> => waitFor(waiting, { what: 'the child to be placed' });
/** As its runner does when the function calls `ready`. */
const ready = (id: string, text: string): Promise<unknown> =>
  runScript(app.client, 'flameReady', [`${keys.queue}${id}`, text]);

test('C-09: a child that becomes ready while Redis is away from its placer has a handle when it is back', async () => {
  const placing = flame.placeChild(service);
  const settled: unknown[] = [];
  placing.then(
    (child) => settled.push(child),
    (error) => settled.push(error),
  );
  const id = await placedId();
  proxy.cut();
  proxy.silence();
  await ready(id, encode({ port: 80 }).json);
  // Longer than its connectTimeout: it has found out by then that Redis is away.
  const error = await flame.cast(service).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FlameUnavailableError);
  expect(settled).toEqual([]);
  proxy.cut();
  proxy.heal();
  const child = await placing;
  expect([child.id, child.value]).toEqual([id, { port: 80 }]);
  await child.stop();
  expect(await app.client.lrange(`${keys.queue}wait`, 0, -1)).not.toContain(id);
});

test('C-09: a child that cannot be followed does not stay behind without a handle', async () => {
  const placing = flame.placeChild(service).catch((e: unknown) => e);
  const id = await placedId();
  await ready(id, 'no value');
  expect(await placing).toBeInstanceOf(Error);
  await waitFor(async () => (await waiting()) === undefined, { what: 'the child to be cancelled' });
  expect(await flame.attach(id).status()).toMatchObject({
    state: 'failed',
    text: expect.stringContaining('could not be followed'),
  });
});

test('C-09: with Redis gone nothing is placed; with nobody to run it, placing is bounded as a call is', async () => {
  proxy.silence();
  expect(await flame.placeChild(service).catch((e: unknown) => e)).toMatchObject({ enqueued: 'no' });
  proxy.cut();
  proxy.heal();
  const bounded = createFlame(appConfig(proxy.url, { bootTimeoutMs: -29_800 }), { logger: pino({ level: 'silent' }) });
  try {
    expect(await bounded.placeChild(service).catch((e: unknown) => e)).toBeInstanceOf(FlameQueueTimeoutError);
    expect(await waiting()).toBeUndefined();
  } finally {
    await bounded.close();
  }
});

test('C-09: a child that ends before anybody saw it ready is told apart from one that never was', async () => {
  app.serve();
  expect(await app.flame.placeChild(service).catch((e: unknown) => e)).toBeInstanceOf(FlameConfigError);
});
