/** Calls from inside of a function, both sides in this process: an executor's flame object and its runner's service. */

import { newCallId } from '@flamejs/protocol/call-id';
import { FlameConfigError, FlameWaitTimeoutError } from '@flamejs/protocol/errors';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { setNestedTransport } from '../../src/client/executor-side.ts';
import { createFlame, type Flame } from '../../src/client/index.ts';
import { createNestedService, type NestedService } from '../../src/client/nested-service.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';

const echo = defineFunction('nestedEcho', { pool: 'images' }, (value: unknown) => value);

let app: App;
let service: NestedService;
let inside: Flame;
let asked = 0;
beforeEach(async () => {
  app = await startApp();
  service = createNestedService(app.config, pino({ level: 'silent' }));
  asked = 0;
  const session = service.open({
    callId: newCallId('images'),
    functionName: 'asking',
    descent: undefined,
    pool: 'images',
    runnerId: 'r1',
    ats: 1,
    scope: undefined,
    args: () => '[]',
  });
  setNestedTransport(async (request) => {
    asked += 1;
    return session.answer(request);
  });
  inside = createFlame(app.config);
});
afterEach(async () => {
  Reflect.deleteProperty(globalThis, Symbol.for('@flamejs/nested-transport'));
  await service.close();
  await app.stop();
});

test('C-08: inside of a function result() keeps its timeout, and the call goes on', async () => {
  const { id } = await inside.cast(echo, 'later');
  const error = await inside
    .attach(id)
    .result({ timeout: '200ms' })
    .catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FlameWaitTimeoutError);
  expect(error).toMatchObject({ timeoutMs: 200, callId: id });
  expect(await app.client.llen(`${keys.queue}wait`)).toBe(1);
  app.serve();
  expect(await inside.attach(id).result({ timeout: '25d' })).toBe('later');
});

test('C-08: inside of a function result() keeps its signal, and the runner waits no longer either', async () => {
  const { id } = await inside.cast(echo, 'later');
  const abort = new AbortController();
  const wait = inside.attach(id).result({ signal: abort.signal });
  const before = asked;
  const reason = new Error('enough');
  setImmediate(() => abort.abort(reason));
  await expect(wait).rejects.toBe(reason);
  expect(asked).toBeGreaterThan(before);
  app.serve();
  expect(await inside.attach(id).result()).toBe('later');
});

test('C-08: inside of a function a bad timeout is refused as outside', async () => {
  const { id } = await inside.cast(echo, 1);
  await expect(inside.attach(id).result({ timeout: -1 })).rejects.toBeInstanceOf(FlameConfigError);
});

test('C-09: inside of a function nothing is placed that could not be followed', async () => {
  await expect(inside.placeChild(echo, 1)).rejects.toThrow(/placed by the application/);
  expect(await app.client.llen(`${keys.queue}wait`)).toBe(0);
});
