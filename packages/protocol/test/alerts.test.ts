/** Alerts: one for what comes and goes, signed, tried again, and never sent into the private network unasked. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Alert, type AlertState, judge } from '../src/alerts/alert.ts';
import { createAlertSender } from '../src/alerts/send-alerts.ts';
import { isPrivateAddress, sendToWebhook, webhookSignature } from '../src/alerts/webhook.ts';

const patience = { raiseAfterMs: 60, resolveAfterMs: 120 };
const SECRET = 'a secret of some length';

test('a condition is told when it has lasted, once, and as over only when it stays away', () => {
  let states: ReadonlyMap<string, AlertState> = new Map();
  const look = (at: number, text: string | undefined): readonly string[] => {
    const judged = judge('shop', [{ pool: 'p', name: 'calls-wait', text }], states, at, patience);
    states = judged.states;
    return judged.alerts.map(({ state, since }) => `${state} since ${since}`);
  };
  expect(look(0, 'slow')).toEqual([]);
  expect(look(30, undefined), 'it was over before it had lasted').toEqual([]);
  expect(look(40, 'slow')).toEqual([]);
  expect(look(90, 'slow')).toEqual([]);
  expect(look(100, 'slower')).toEqual(['raised since 40']);
  expect(look(150, 'slower')).toEqual([]);
  expect(look(200, undefined)).toEqual([]);
  expect(look(300, 'slow again'), 'it came back: still the same alert').toEqual([]);
  expect(look(310, undefined)).toEqual([]);
  expect(look(429, undefined)).toEqual([]);
  expect(look(430, undefined)).toEqual(['resolved since 40']);
  expect(look(500, undefined)).toEqual([]);
  expect(states.size).toBe(0);
});

let server: Server;
let url: string;
let answers: ((response: ServerResponse) => void)[] = [];
let bodies: { readonly text: string; readonly signature: string }[] = [];
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    bodies.push({ text: Buffer.concat(chunks).toString(), signature: String(request.headers['flame-signature']) });
    (answers.shift() ?? ((ok) => ok.writeHead(204).end()))(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  answers = [];
  bodies = [];
});

const alert: Alert = {
  id: 'shop:p:calls-wait',
  app: 'shop',
  pool: 'p',
  name: 'calls-wait',
  state: 'raised',
  text: 'calls wait',
  since: 1,
  at: 2,
};
const send = (config: { readonly url: string; readonly allowPrivate: boolean }) =>
  sendToWebhook({ secret: SECRET, ...config }, alert, new AbortController().signal, 1);

test('what arrives is the alert, with a signature that its owner can check', async () => {
  expect(await send({ url, allowPrivate: true })).toEqual({ delivered: true });
  const [got] = bodies;
  expect(JSON.parse(got?.text ?? '')).toEqual(alert);
  const [, seconds = ''] = /^t=(\d+),v1=[0-9a-f]{64}$/.exec(got?.signature ?? '') ?? [];
  expect(got?.signature).toBe(webhookSignature(SECRET, Number(seconds), got?.text ?? ''));
});

test('a receiver that is down for a moment gets it; one that refuses it is not asked again, nor followed elsewhere', async () => {
  answers = [(response) => response.writeHead(503).end(), (response) => response.destroy()];
  expect(await send({ url, allowPrivate: true })).toEqual({ delivered: true });
  expect(bodies).toHaveLength(3);
  bodies = [];
  answers = [(response) => response.writeHead(302, { Location: url }).end()];
  expect(await send({ url, allowPrivate: true })).toEqual({ delivered: false, error: 'it answered 302' });
  expect(bodies).toHaveLength(1);
  bodies = [];
  answers = Array.from({ length: 9 }, () => (response) => response.writeHead(500).end());
  expect(await send({ url, allowPrivate: true })).toEqual({ delivered: false, error: 'it answered 500' });
  expect(bodies).toHaveLength(5);
});

test('an address of the private network is refused unless it is meant, by number and by a name that resolves to it', async () => {
  const port = new URL(url).port;
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]']) {
    const result = await send({ url: `http://${host}:${port}/hook`, allowPrivate: false });
    expect(result.delivered, host).toBe(false);
    expect(result.error, host).toContain('is an address of a private network');
  }
  expect(bodies).toEqual([]);
  const privates = [
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    'fd00::1',
    'fe80::1',
    '::',
  ];
  expect(privates.filter((address) => !isPrivateAddress(address))).toEqual([]);
  const publics = ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8'];
  expect(publics.filter(isPrivateAddress)).toEqual([]);
});

test('a function that throws or hangs keeps the webhook from nothing, and is reported', async () => {
  const errors: string[] = [];
  const on = () => {
    throw new Error('no pager');
  };
  const config = { on, webhook: { url, secret: SECRET, allowPrivate: true }, waitMs: 1 };
  const sender = createAlertSender(config, (what, error) => errors.push(`${what}: ${error}`));
  expect(await sender.sendNow(alert)).toEqual({
    on: { delivered: false, error: 'no pager' },
    webhook: { delivered: true },
  });
  expect(errors).toEqual(['alerts.on: no pager']);
});
