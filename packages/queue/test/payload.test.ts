/** Sealing and opening, step by step: what each step refuses, and what the list of steps says of itself. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { packPayload } from '@flamejs/protocol/codec';
import { FlameConfigError, FlamePayloadTooLargeError, FlameSealError } from '@flamejs/protocol/errors';
import { compress, encrypt, type PayloadTransform } from '@flamejs/protocol/payload';
import { keyText } from '@flamejs/protocol/payload/keys';
import { createVault, SEALED, type Vault } from '@flamejs/protocol/payload/vault';
import { expect, test } from 'vitest';
import { parseConfig } from '../src/config/parse-config.ts';
import { fuzzSealed } from './fuzz-sealed.ts';

const key = (id: string, fill: number) => ({ id, key: createSecretKey(Buffer.alloc(32, fill)) });
const vaultOf = (...payload: PayloadTransform[]): Vault => createVault({ app: 'shop', payload });
const encrypted = (...keys: ReturnType<typeof key>[]): Vault => vaultOf(encrypt().withKeys(keys));
const about = { callId: 'images.a', kind: 'result' } as const;
const open = (vault: Vault, bytes: Uint8Array, changes: object = {}) =>
  Promise.resolve().then(() => vault.open(bytes, { ...about, limit: 1_000_000, ...changes }));
const frame = packPayload({ json: JSON.stringify('x'.repeat(5_000)), parts: [] });

test('what is sealed opens for the same app, call and kind, and for no other', async () => {
  const vault = encrypted(key('a', 1));
  const sealed = await vault.seal(frame, about);
  expect(sealed[0]).toBe(SEALED);
  expect(Buffer.from(sealed).includes('xxx')).toBe(false);
  expect(Buffer.from(await open(vault, sealed))).toEqual(frame);
  for (const changes of [{ callId: 'images.b' }, { kind: 'error' }, { kind: 'arguments' }]) {
    await expect(open(vault, sealed, changes)).rejects.toMatchObject({ code: 'FLAME_ERR_SEAL', reason: 'tampered' });
  }
  const otherApp = createVault({ app: 'mall', payload: [encrypt().withKeys([key('a', 1)])] });
  await expect(open(otherApp, sealed)).rejects.toMatchObject({ reason: 'tampered' });
});

test('no byte of what is sealed can change without being noticed', async () => {
  const vault = encrypted(key('a', 1));
  const sealed = Buffer.from(await vault.seal(packPayload({ json: '1', parts: [] }), about));
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 0x20;
    await expect(open(vault, changed), `byte ${at}`).rejects.toBeInstanceOf(FlameSealError);
  }
  for (let length = 0; length < sealed.length; length += 1) {
    await expect(open(vault, sealed.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(FlameSealError);
  }
});

test('the first key encrypts, all decrypt; an unknown one and a wrong one are told apart, with the call and what to do', async () => {
  const [old, now] = [key('old', 1), key('now', 2)];
  const sealed = await encrypted(old).seal(frame, about);
  expect(Buffer.from(await open(encrypted(now, old), sealed))).toEqual(frame);
  expect(
    Buffer.from(await encrypted(now, old).seal(frame, about))
      .subarray(3, 6)
      .toString(),
  ).toBe('now');
  const unknown = await open(encrypted(now), sealed).catch((error: unknown) => error);
  expect(unknown).toMatchObject({ reason: 'no-key', callId: 'images.a', message: expect.stringContaining('"old"') });
  expect(unknown).toMatchObject({ advice: expect.stringContaining('same `payload` and `encryptionKeys`') });
  await expect(open(encrypted(key('old', 3)), sealed)).rejects.toMatchObject({ reason: 'tampered' });
});

test('two encryptions of the same bytes differ, and each call has a key of its own', async () => {
  const vault = encrypted(key('a', 1));
  const [one, two] = [await vault.seal(frame, about), await vault.seal(frame, about)];
  expect(Buffer.compare(one, two)).not.toBe(0);
});

test('open bytes are refused once an app encrypts, and accepted while it begins to', async () => {
  await expect(open(encrypted(key('a', 1)), frame)).rejects.toMatchObject({ reason: 'unsealed' });
  const introducing = vaultOf(encrypt({ stage: 'introduce' }).withKeys([key('a', 1)]));
  expect(await open(introducing, frame)).toBe(frame);
  expect(introducing).toMatchObject({ seals: true, hides: true, strict: false });
  const preparing = vaultOf(encrypt({ stage: 'prepare' }).withKeys([key('a', 1)]));
  expect(await preparing.seal(frame, about)).toBe(frame);
  expect(Buffer.from(await open(preparing, await introducing.seal(frame, about)))).toEqual(frame);
  expect(preparing).toMatchObject({ seals: false, hides: false, strict: false });
});

test('compression makes bytes smaller, leaves small and random ones alone, and comes before encryption', async () => {
  const vault = vaultOf(compress(), encrypt().withKeys([key('a', 1)]));
  const sealed = await vault.seal(frame, about);
  expect(sealed.length).toBeLessThan(frame.length / 10);
  expect(Buffer.from(await open(vault, sealed))).toEqual(frame);
  const random = packPayload({ json: '1', parts: [randomBytes(4_000)] });
  const only = vaultOf(compress());
  expect((await only.seal(random, about)).length).toBe(random.length + 1);
  expect(only).toMatchObject({ seals: true, hides: false, strict: false });
  expect(await open(only, random)).toBe(random);
});

test('S-11 S-18 a compressed bomb stops at the limit, with an error that names the call', async () => {
  const vault = vaultOf(compress());
  const bomb = Buffer.concat([Buffer.of(SEALED, 1), deflateRawSync(Buffer.alloc(300_000_000))]);
  expect(bomb.length).toBeLessThan(400_000);
  const before = process.memoryUsage().rss;
  const error = await open(vault, bomb).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FlamePayloadTooLargeError);
  expect(error).toMatchObject({ callId: 'images.a', message: expect.stringContaining('images.a') });
  expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
});

test('a transform of the user that throws, gives no bytes, or is not known elsewhere, ends in a typed error', async () => {
  const step = (changes: Partial<PayloadTransform>): PayloadTransform => ({
    name: 'mine',
    seal: (bytes) => bytes,
    open: (bytes) => bytes,
    ...changes,
  });
  const failing = step({
    seal: () => {
      throw new Error('the key service is away');
    },
    open: async () => 'text' as never,
  });
  const seal = await Promise.resolve()
    .then(() => vaultOf(failing).seal(frame, about))
    .catch((error: unknown) => error);
  expect(seal).toMatchObject({ reason: 'failed', message: expect.stringContaining('the key service is away') });
  const sealed = await vaultOf(step({})).seal(frame, about);
  await expect(open(vaultOf(failing), sealed)).rejects.toMatchObject({
    reason: 'failed',
    message: expect.stringContaining('`mine`'),
  });
  await expect(open(vaultOf(), sealed)).rejects.toMatchObject({ reason: 'no-payload' });
  const turned = step({ seal: async (bytes) => Uint8Array.from(bytes, (byte) => byte ^ 0xff) });
  await expect(open(vaultOf(step({})), await vaultOf(turned).seal(frame, about))).rejects.toMatchObject({
    reason: 'failed',
    message: expect.stringContaining('same steps'),
  });
  const growing = step({ open: (bytes) => Buffer.alloc(bytes.length + 2_000_000) });
  await expect(open(vaultOf(growing), sealed)).rejects.toMatchObject({ reason: 'failed' });
});

const parse = (input: object, env: Record<string, string> = {}) =>
  parseConfig({ app: 'shop', pools: { main: {} }, ...input } as never, {
    root: '/',
    configFile: undefined,
    env: { FLAME_RELEASE: 'test', ...env },
  });
const problemsOf = (input: object, env: Record<string, string> = {}): readonly string[] => {
  try {
    parse(input, env);
    return [];
  } catch (error) {
    if (!(error instanceof FlameConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
};
const good = randomBytes(32);

test('keys are read when the config is parsed: 32 bytes, each with an id of its own, and no message shows one', () => {
  for (const form of [
    good,
    new Uint8Array(good),
    good.toString('base64'),
    good.toString('base64url'),
    good.toString('hex'),
  ]) {
    expect(parse({ encryptionKeys: [{ id: 'a', key: form }] }).encryptionKeys).toHaveLength(1);
  }
  const bad = [
    '',
    'short',
    good.toString('base64').slice(0, 40),
    `${good.toString('hex')}00`,
    5,
    null,
    Buffer.alloc(31),
  ];
  for (const value of bad) {
    const [problem] = problemsOf({
      encryptionKeys: [
        { id: 'a', key: good },
        { id: 'b', key: value },
      ],
    });
    expect(problem).toMatch(/^encryptionKeys\[1\]\.key: expected 32 random bytes/);
    if (typeof value === 'string' && value.length > 8) expect(problem).not.toContain(value);
  }
  expect(
    problemsOf({
      encryptionKeys: [
        { id: 'a', key: good },
        { id: 'a', key: good },
      ],
    }),
  ).toEqual(['encryptionKeys[1].id: "a" is there twice']);
  expect(problemsOf({ encryptionKeys: [{ id: 'a b', key: good }] })[0]).toMatch(
    /^encryptionKeys\[0\]\.id: expected an id/,
  );
  expect(problemsOf({ encryptionKeys: [] })[0]).toMatch(/^encryptionKeys: expected a list/);
  expect(problemsOf({}, { FLAME_ENCRYPTION_KEYS: 'a:nonsense' })[0]).toMatch(
    /^FLAME_ENCRYPTION_KEYS\[0\]\.key: expected 32/,
  );
});

test('FLAME_ENCRYPTION_KEYS wins over the config, and is what runners are given', () => {
  const config = parse({
    encryptionKeys: [
      { id: 'a', key: good },
      { id: 'b', key: Buffer.alloc(32, 1) },
    ],
  });
  const again = parse(
    { encryptionKeys: [{ id: 'c', key: good }] },
    { FLAME_ENCRYPTION_KEYS: keyText(config.encryptionKeys) },
  );
  expect(again.encryptionKeys.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(again.encryptionKeys[0]?.key.export()).toEqual(good);
});

test('payload is refused with its path when a step is none, has no keys, or comes in the wrong order', () => {
  const keys = { encryptionKeys: [{ id: 'a', key: good }] };
  expect(problemsOf({ payload: [compress(), 5] })[0]).toMatch(/^payload\[1\]: expected compress\(\), encrypt\(\)/);
  expect(problemsOf({ payload: { name: 'mine', seal: () => 1 } })[0]).toMatch(/^payload: "mine" is no transform/);
  expect(problemsOf({ payload: [compress(), encrypt()] })[0]).toMatch(
    /^payload\[1\]: encrypt\(\) needs `encryptionKeys`/,
  );
  expect(problemsOf({ ...keys, payload: [encrypt(), compress()] })[0]).toMatch(/put compress\(\) before encrypt\(\)/);
  expect(problemsOf({ ...keys, payload: [compress(), encrypt()] })).toEqual([]);
  // An executor meets no sealed bytes, and has no keys.
  expect(parse({ payload: encrypt() }, { FLAME_EXECUTOR: '1' }).payload).toEqual([]);
});

test('S-07 printing a config shows no encryption key', () => {
  const config = parse({ encryptionKeys: [{ id: 'a', key: good }], payload: encrypt() });
  const printed = inspect(config, { depth: 10, showHidden: true }) + JSON.stringify(config);
  for (const form of ['base64', 'hex', 'latin1'] as const) expect(printed).not.toContain(good.toString(form));
});

test('P03 S-11 5,000 mutations of sealed bytes, before, between and after the steps: typed refusals only', async () => {
  const report = await fuzzSealed({ count: 5_000, seed: 3 });
  expect(report.runs).toBe(5_000);
  expect(report.opened).toBeGreaterThan(200);
  expect(report.refused).toBeGreaterThan(1_000);
});
