/** S-08: values that are never shown, and travel encrypted with keys of the call that they belong to. */
import { createSecretKey } from 'node:crypto';
import { format, inspect } from 'node:util';
import { decode, encode, encodeThrown, packPayload } from '@flamejs/protocol/codec';
import { FlameCodecError, FlameSealError } from '@flamejs/protocol/errors';
import { appBox, scopeBox, scopeKeys } from '@flamejs/protocol/payload/secret-box';
import { Secret } from '@flamejs/protocol/secret';
import { pino } from 'pino';
import { expect, expectTypeOf, test } from 'vitest';
import { createFlame } from '../src/client/index.ts';
import { defineFunction } from '../src/fn.ts';
import type { CallArgs, CallResult } from '../src/types.ts';
import { appConfig } from './client/app.ts';

const keys = [{ id: 'k1', key: createSecretKey(Buffer.alloc(32, 5)) }];
const boxFor = (scope: string) => appBox('shop', keys, scope);
const canary = 'canary-4f1d';

test('S-08 a secret prints as [secret], however it is printed', () => {
  const secret = Secret.of({ card: canary });
  const lines: string[] = [];
  pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }).info(
    { secret, deep: { list: [secret] } },
    'paid',
  );
  const printed = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret, list: [secret] }),
    inspect(secret, { showHidden: true, depth: 9 }),
    inspect({ deep: [secret] }, { depth: 9 }),
    format('%o %O %s %j', secret, secret, secret, secret),
    ...lines,
    ...Object.values(secret).map(String),
    JSON.stringify(structuredClone({ ...secret })),
  ].join('\n');
  expect(printed).not.toContain(canary);
  expect(printed).toContain('[secret]');
  expect(secret.reveal()).toEqual({ card: canary });
});

test('S-08 what is encoded of it cannot be read, and opens with the keys of its scope only', () => {
  const payload = encode([Secret.of(canary), { pin: Secret.of([1n, new Date(5)]) }], { secrets: boxFor('images.a') });
  expect(packPayload(payload).toString('latin1')).not.toContain(canary);
  expect(payload.json).not.toContain(Buffer.from(canary).toString('base64').slice(0, 8));
  const [card, { pin }] = decode(payload, { secrets: boxFor('images.b') }) as [Secret<string>, { pin: Secret }];
  expect(card.reveal()).toBe(canary);
  expect(pin.reveal()).toEqual([1n, new Date(5)]);
  // An executor has the keys of its own call alone.
  const [own] = decode(payload, { secrets: scopeBox(scopeKeys('shop', keys, 'images.a')) }) as [Secret<string>];
  expect(own.reveal()).toBe(canary);
  const [foreign] = decode(payload, { secrets: scopeBox(scopeKeys('shop', keys, 'images.b')) }) as [Secret<string>];
  expect(() => foreign.reveal()).toThrow(FlameSealError);
  expect(() => foreign.reveal()).toThrow(/images\.a cannot be revealed/);
  const [closed] = decode(payload) as [Secret<string>];
  expect(() => closed.reveal()).toThrow(/no key for it/);
  expect(String(closed)).toBe('[secret]');
});

test('S-08 a secret that was changed does not open', () => {
  const payload = encode(Secret.of(canary), { secrets: boxFor('images.a') });
  const node = JSON.parse(payload.json) as { b: string };
  const bytes = Buffer.from(node.b, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const changed = { json: JSON.stringify({ ...node, b: bytes.toString('base64') }), parts: [] };
  expect(() => (decode(changed, { secrets: boxFor('x') }) as Secret).reveal()).toThrow(/was changed/);
  const moved = { json: JSON.stringify({ ...node, s: 'images.b' }), parts: [] };
  expect(() => (decode(moved, { secrets: boxFor('x') }) as Secret).reveal()).toThrow(FlameSealError);
});

test('S-08 the same secret in the same call gives the same bytes, in another call others', () => {
  const once = (scope: string): string => encode(Secret.of(canary), { secrets: boxFor(scope) }).json;
  expect(once('images.a')).toBe(once('images.a'));
  expect(once('images.a').split('"b"')[1]).not.toBe(once('images.b').split('"b"')[1]);
});

test('S-08 without keys it is refused at the call site, with the path to it and what to do', async () => {
  const flame = createFlame(appConfig('redis://127.0.0.1:1'), { mode: 'inline' });
  const pay = defineFunction('secretPay', { pool: 'images' }, (order: { card: Secret<string> }) => order.card.reveal());
  const error = await flame.call(pay, { card: flame.secret(canary) }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FlameCodecError);
  expect(error).toMatchObject({ path: 'argument[0].card', advice: expect.stringContaining('encryptionKeys') });
  expect(String(error)).not.toContain(canary);
  await flame.close();
});

test('S-08 in inline mode a secret is revealed by the function, and comes back in results and errors', async () => {
  const flame = createFlame(appConfig('redis://127.0.0.1:1', {}, { encryptionKeys: keys }), { mode: 'inline' });
  const echo = defineFunction('secretEcho', { pool: 'images' }, (card: Secret<string>) => ({
    length: card.reveal().length,
    card,
  }));
  const refuse = defineFunction('secretRefuse', { pool: 'images' }, (card: Secret<string>): void => {
    throw Object.assign(new Error('refused'), { card });
  });
  const result = await flame.call(echo, flame.secret(canary));
  expect(result.length).toBe(canary.length);
  expect(result.card.reveal()).toBe(canary);
  const error = await flame.call(refuse, flame.secret(canary)).catch((reason: unknown) => reason);
  expect((error as { card: Secret }).card.reveal()).toBe(canary);
  expect(inspect(error)).not.toContain(canary);
  const [a, b] = [
    await flame.cast(echo.with({ id: 'x' }), flame.secret('1')),
    await flame.cast(echo.with({ id: 'x' }), flame.secret('1')),
  ];
  expect(a.id).toBe(b.id);
  await flame.close();
});

test('S-08 an error that holds a secret arrives without it where there is no key', () => {
  const thrown = encodeThrown(Object.assign(new Error('refused'), { card: Secret.of(canary), order: 7 }));
  expect(thrown.json).not.toContain(canary);
  const error = decode(thrown) as Error & { order: number; flameTruncated: string[] };
  expect(error).toMatchObject({ message: 'refused', order: 7 });
  expect(error.flameTruncated).toContain('card');
});

test('secrets are of a type that can be shipped', () => {
  const pay = defineFunction(
    'secretTyped',
    { pool: 'images' },
    (card: Secret<string>, more: { pin: Secret<number> }) => ({
      card,
      more,
    }),
  );
  expectTypeOf<CallArgs<typeof pay>>().toEqualTypeOf<[card: Secret<string>, more: { pin: Secret<number> }]>();
  expectTypeOf<CallResult<typeof pay>>().toEqualTypeOf<{ card: Secret<string>; more: { pin: Secret<number> } }>();
});
