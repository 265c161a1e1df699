/** Calls over HTTP, as programs in other languages make them. Calls run inline: that they travel is proven elsewhere. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFlame, defineConfig } from 'flamejs';
import { createCallHandler } from 'flamejs/http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from './support/wait-for.ts';

const TOKEN = 'a-token-of-the-tests';
const flame = createFlame(defineConfig({ app: 'http', pools: { main: {} } }), { mode: 'inline' });
let runs = 0;
const add = flame.fn('http.add', (a: number, b: number) => {
  runs += 1;
  return a + b;
});
const reverse = flame.fn('http.reverse', (bytes: Uint8Array) => Buffer.from(bytes).reverse());
const fail = flame.fn('http.fail', () => {
  throw new TypeError('it failed');
});
const hidden = flame.fn('http.hidden', () => 'nobody is to call this');
const handler = createCallHandler(flame, { functions: [add, reverse, fail], auth: [TOKEN], maxBody: 1_000 });

let server: Server;
let base: string;
beforeAll(async () => {
  server = createServer((request, response) => handler.node(request, response));
  server.listen(0, '127.0.0.1');
  await waitFor(() => server.listening, { what: 'the server' });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await flame.close();
});

const ask = async (path: string, init: RequestInit = {}, token = TOKEN) => {
  const headers = { authorization: `Bearer ${token}`, connection: 'close', ...(init.headers as object) };
  const response = await fetch(`${base}${path}`, { ...init, headers });
  const type = response.headers.get('content-type') ?? '';
  const body = type.includes('json') ? await response.json() : Buffer.from(await response.arrayBuffer());
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  return { status: response.status, body: body as any };
};
const post = (name: string, args: unknown, headers: Record<string, string> = {}) =>
  ask(`/calls/${name}`, { method: 'POST', body: JSON.stringify(args), headers });

test('a list of arguments comes back as a value, bytes as bytes', async () => {
  expect(await post('http.add', [1, 2])).toEqual({ status: 200, body: 3 });
  const headers = { 'content-type': 'application/octet-stream' };
  const bytes = await ask('/calls/http.reverse', { method: 'POST', body: new Uint8Array([1, 2, 255]), headers });
  expect([bytes.status, [...bytes.body]]).toEqual([200, [255, 2, 1]]);
});

test('an id is one call, however often it is asked for; with other arguments it is a conflict', async () => {
  runs = 0;
  const id = { 'idempotency-key': 'order-7' };
  expect(await post('http.add', [3, 4], id)).toEqual({ status: 200, body: 7 });
  expect(await post('http.add', [3, 4], id)).toEqual({ status: 200, body: 7 });
  expect(runs).toBe(1);
  expect(await post('http.add', [3, 5], id)).toMatchObject({
    status: 409,
    body: { error: { code: 'FLAME_ERR_ID_CONFLICT' } },
  });
});

test('a call that nobody waits for is found by its id, with its result or where it is', async () => {
  const accepted = await post('http.add', [5, 6], { prefer: 'respond-async' });
  expect(accepted).toMatchObject({ status: 202, body: { id: expect.any(String) } });
  await flame.attach(accepted.body.id).result();
  expect(await ask(`/calls/${accepted.body.id}`)).toEqual({ status: 200, body: 11 });
  const later = await flame.cast(add.with({ delay: '1h' }), 1, 1);
  expect(await ask(`/calls/${later.id}`)).toMatchObject({ status: 202, body: { state: 'delayed' } });
  await later.cancel();
});

test('only what was named can be called or looked at, and only by who may', async () => {
  expect((await post('http.hidden', [])).status).toBe(404);
  const other = await flame.cast(hidden);
  await other.result();
  expect((await ask(`/calls/${other.id}`)).status).toBe(404);
  expect((await ask(`/calls/main.${'a'.repeat(26)}`)).status).toBe(404);
  for (const token of ['', 'a-token-of-the-testz', TOKEN.slice(0, -1)])
    expect((await ask('/calls/http.add', { method: 'POST', body: '[1,2]' }, token)).status).toBe(401);
  expect((await ask('/calls/http.add', { method: 'DELETE' })).status).toBe(405);
  expect((await ask('/elsewhere')).status).toBe(404);
});

test('what is wrong is said without a stack', async () => {
  expect(await post('http.fail', [])).toEqual({
    status: 500,
    body: { error: { name: 'TypeError', message: 'it failed' } },
  });
  expect((await post('http.add', { a: 1 })).status).toBe(400);
  expect((await ask('/calls/http.add', { method: 'POST', body: '[1,' })).status).toBe(400);
  expect((await post('http.add', ['x'.repeat(2_000)])).status).toBe(413);
});

test('it stands below a path, and leaves others to whoever comes next', async () => {
  const mounted = createCallHandler(flame, { functions: [add], auth: () => true, basePath: '/api' });
  const at = (path: string) => mounted.fetch(new Request(`http://x${path}`, { method: 'POST', body: '[1,2]' }));
  expect(await (await at('/api/calls/http.add')).json()).toBe(3);
  expect((await at('/calls/http.add')).status).toBe(404);
});

test('tokens that can be guessed, and nothing to call, are refused at once', () => {
  expect(() => createCallHandler(flame, { functions: [add], auth: 'short' })).toThrow(/at least 16 characters/);
  expect(() => createCallHandler(flame, { functions: [add], auth: [] })).toThrow(/auth/);
  expect(() => createCallHandler(flame, { functions: [], auth: TOKEN })).toThrow(/at least one function/);
});
