/** Calls of an app that encrypts what Redis holds: everything works, and nothing of it can be read or changed there. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { connect, createHousekeeping, type RedisClient, whenReady } from '@flamejs/protocol';
import { createFlame, FlameCodecError, FlameSealError } from '@flamejs/queue';
import { parseConfig, unpackPayload } from '@flamejs/queue/internal';
import { compress, encrypt } from '@flamejs/queue/payload';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flame as cli } from '../cli/flame.ts';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';
import { everythingIn, expectNone, expectSome, newCanary, watchCommands } from './canary.ts';

const newKey = (id: string) => ({ id, key: randomBytes(32).toString('base64') });
const asText = (keys: readonly { id: string; key: string }[]): string =>
  keys.map(({ id, key }) => `${id}:${key}`).join(',');

const [first, second] = [newKey('first'), newKey('second')];
let fleet: Fleet;
let steady: RedisClient;

beforeAll(async () => {
  fleet = await startFleet({
    app: { encryptionKeys: [first], payload: [compress(), encrypt()] },
    env: { FLAME_ENCRYPTION_KEYS: asText([first]), FLAME_TEST_PAYLOAD: 'compress,encrypt' },
  });
  await fleet.runner();
  steady = connect(fleet.config.redis, 'steady', 'test');
  steady.on('error', () => undefined);
  await whenReady(steady, 10_000);
});
afterAll(async () => {
  steady?.disconnect();
  await fleet?.stop();
});

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );

/** Runs the calls that are due now, as the autoscaler would. */
const keepHouse = async (): Promise<void> => {
  const house = createHousekeeping(steady, fleet.keys(), 'main', fleet.config);
  await house.castScheduled();
  await house.promoteDelayed();
};

/** A call that rests until it has been tampered with. */
const rested = async (...args: unknown[]) => {
  const handle = await fleet.flame.cast(tasks.echo.with({ delay: '1h' }), ...args);
  const jobKey = `${fleet.keys().queue}${handle.id}`;
  const envelope = async () => JSON.parse((await fleet.client.hget(jobKey, 'data')) ?? '{}');
  return {
    handle,
    envelope,
    change: (data: object) => fleet.client.hset(jobKey, 'data', JSON.stringify(data)),
    async run(): Promise<unknown> {
      await fleet.client.zadd(`${fleet.keys().queue}delayed`, 'XX', 0, handle.id);
      await keepHouse();
      return errorOf(handle.result());
    },
  };
};

test('S-08 an app that encrypts leaves no argument, result, error, progress or schedule readable in Redis', async () => {
  const canary = newCanary();
  const watch = await watchCommands(fleet.client);
  const { flame } = fleet;
  expect(await flame.call(tasks.echo, { text: canary })).toEqual({ text: canary });
  const large = Buffer.from(canary.repeat(5_000));
  expect(await flame.call(tasks.echo, large)).toEqual(large);
  await expect(flame.call(tasks.fail, canary)).rejects.toThrow(canary);
  await expect(flame.call(tasks.fail.with({ retries: 1 }), canary)).rejects.toThrow(canary);

  const reported = await flame.cast(tasks.reportText, canary);
  const seen: unknown[] = [];
  for await (const value of reported.progress()) seen.push(value);
  expect(seen.at(-1)).toEqual({ text: canary });
  const child = await flame.placeChild(tasks.reportText, canary);
  expect(child.value).toEqual({ text: canary });
  await child.ended;

  const results: unknown[] = [];
  for await (const value of flame.map(tasks.echo, [[canary], [canary]])) results.push(value);
  expect(results).toEqual([canary, canary]);
  expect(await flame.call(tasks.nested, canary, '!')).toMatchObject({ inner: `${canary}!` });

  for (const id of ['small', 'large']) {
    await flame.schedule(id, { every: '1h' }, tasks.echo, id === 'small' ? canary : large);
    await fleet.client.zadd(fleet.keys().scheduleMoments, 1, id);
  }
  await keepHouse();
  const cast = await waitFor(
    async () => {
      const done = await fleet.client.zrevrange(`${fleet.keys().queue}completed`, 0, 1);
      const names = await Promise.all(done.map(async (id) => (await flame.attach(id).status()).functionName));
      return names.every((name) => name === 'echo') ? done : undefined;
    },
    { what: 'the calls of both schedules to succeed' },
  );
  expect(await Promise.all(cast.map((id) => flame.attach(id).result().then(String)))).toContain(canary);

  watch.stop();
  expectSome(`${watch.heard()} ${reported.id}`, reported.id, 'the search itself');
  expectNone(await everythingIn(fleet.client), canary, 'Redis');
  expectNone(watch.heard(), canary, 'commands to Redis');
});

test('a failed call keeps its sealed arguments: retried by hand it runs again, attached it gives what it gave', async () => {
  const file = `${fleet.redis.folder}/repaired-${randomBytes(4).toString('hex')}`;
  const handle = await fleet.flame.cast(tasks.failUntil, file, 'not yet');
  await expect(handle.result()).rejects.toThrow('not yet');
  await writeFile(file, '');
  expect(await handle.retry()).toBe('retried');
  expect(await fleet.caller().attach(handle.id).result()).toBe('repaired');
});

test('the same id with the same arguments is the same call, although no two encryptions are alike', async () => {
  const once = tasks.echo.with({ id: 'once' });
  const [a, b] = [await fleet.flame.cast(once, 'same'), await fleet.flame.cast(once, 'same')];
  expect(a.id).toBe(b.id);
  await expect(fleet.flame.cast(once, 'other')).rejects.toMatchObject({ code: 'FLAME_ERR_ID_CONFLICT' });
  await a.result();
});

test('S-10 arguments that were changed, replaced by open ones, or moved from another call are not executed', async () => {
  const changed = await rested('one');
  const { sealed } = await changed.envelope();
  const bytes = Buffer.from(sealed, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await changed.change({ ...(await changed.envelope()), sealed: bytes.toString('base64') });
  const open = await rested('two');
  const { sealed: _, ...rest } = await open.envelope();
  await open.change({ ...rest, args: '["open"]' });
  const moved = await rested('three');
  await moved.change({ ...(await moved.envelope()), sealed });
  const errors = [await changed.run(), await open.run(), await moved.run()];
  expect(errors.map((error) => (error as FlameSealError).reason)).toEqual(['tampered', 'unsealed', 'tampered']);
  for (const [i, { handle }] of [changed, open, moved].entries()) {
    expect(errors[i]).toBeInstanceOf(FlameSealError);
    expect((errors[i] as Error).message).toContain(handle.id);
    expect(errors[i]).toMatchObject({ callId: handle.id, advice: expect.stringContaining('encryptionKeys') });
  }
});

test('S-10 a result that was changed, moved from another call, taken for an error or stored open is refused by its caller', async () => {
  const [a, b] = [await fleet.flame.cast(tasks.echo, 'a'), await fleet.flame.cast(tasks.echo, 'b')];
  expect(await Promise.all([a.result(), b.result()])).toEqual(['a', 'b']);
  const key = (id: string): string => fleet.keys().outcome(id);
  const body = (await fleet.client.hgetBuffer(key(a.id), 'body')) as Buffer;
  const refused = async (id: string): Promise<unknown> => errorOf(fleet.caller().attach(id).result());

  await fleet.client.hset(key(b.id), 'body', body);
  expect(await refused(b.id)).toMatchObject({ code: 'FLAME_ERR_SEAL', reason: 'tampered', callId: b.id });
  const head = JSON.parse((await fleet.client.hget(key(a.id), 'head')) ?? '{}');
  await fleet.client.hset(key(a.id), 'head', JSON.stringify({ ...head, ok: false }));
  expect(await refused(a.id)).toMatchObject({ code: 'FLAME_ERR_SEAL', reason: 'tampered' });
  await fleet.client.hset(key(a.id), 'head', JSON.stringify(head), 'body', 'forged');
  expect(await refused(a.id)).toMatchObject({ code: 'FLAME_ERR_SEAL', reason: 'unsealed' });
  const cut = Buffer.from(body);
  cut[cut.length - 1] = (cut.at(-1) ?? 0) ^ 1;
  await fleet.client.hset(key(a.id), 'body', cut);
  expect(await refused(a.id)).toMatchObject({ code: 'FLAME_ERR_SEAL', reason: 'tampered' });
  await fleet.client.hset(key(a.id), 'body', body);
  expect(await fleet.caller().attach(a.id).result()).toBe('a');
});

test('a caller without the key gets an error that names the call and what is missing; the call itself is not touched', async () => {
  const input = { app: fleet.config.app, redis: fleet.redis.url, pools: { main: {} } };
  const env = { FLAME_RELEASE: 'test' };
  const without = parseConfig(input, { root: '/', configFile: undefined, env });
  const other = parseConfig(
    { ...input, encryptionKeys: [second], payload: encrypt() },
    { root: '/', configFile: undefined, env },
  );
  const handle = await fleet.flame.cast(tasks.echo, 'whole');
  expect(await handle.result()).toBe('whole');
  for (const [config, reason] of [
    [without, 'no-payload'],
    [other, 'no-key'],
  ] as const) {
    await using flame = createFlame(config);
    const error = await errorOf(flame.attach(handle.id).result());
    expect(error).toBeInstanceOf(FlameSealError);
    expect(error).toMatchObject({ reason, callId: handle.id });
    // And the other way: a runner refuses what it cannot open, in a form that others can read.
    const sent = await flame.cast(tasks.echo, 'x');
    const there = await errorOf(fleet.flame.attach(sent.id).result());
    expect(there).toMatchObject({ reason: reason === 'no-key' ? 'no-key' : 'unsealed', callId: sent.id });
  }
  expect(await handle.result()).toBe('whole');
});

test('keys rotate without a break: the new one encrypts, the old one still opens what it has sealed', async () => {
  await using rotating = await startFleet({
    app: { encryptionKeys: [second, first], payload: encrypt() },
    env: { FLAME_ENCRYPTION_KEYS: asText([first, second]), FLAME_TEST_PAYLOAD: 'encrypt' },
  });
  await rotating.runner();
  const callerWith = (...encryptionKeys: (typeof first)[]) => {
    const { app, root } = rotating.config;
    const input = { app, redis: rotating.redis.url, pools: { main: {} }, encryptionKeys, payload: encrypt() };
    return createFlame(parseConfig(input, { root, configFile: undefined, env: { FLAME_RELEASE: 'test' } }));
  };
  // The caller has moved on to the new key, the runner still encrypts with the old one.
  const handle = await rotating.flame.cast(tasks.echo, 'across');
  const job = JSON.parse((await rotating.client.hget(`${rotating.keys().queue}${handle.id}`, 'data')) ?? '{}');
  expect(Buffer.from(job.sealed, 'base64').toString('latin1')).toContain('second');
  expect(await handle.result()).toBe('across');
  const body = (await rotating.client.hgetBuffer(rotating.keys().outcome(handle.id), 'body')) as Buffer;
  expect(body.toString('latin1')).toContain('first');
  await using late = callerWith(second);
  expect(await errorOf(late.attach(handle.id).result())).toMatchObject({
    code: 'FLAME_ERR_SEAL',
    reason: 'no-key',
    message: expect.stringContaining('"first"'),
  });
});

test('a cancelled call, one that waited too long and one that crashed end for their callers as they do without encryption', async () => {
  const cancelled = await fleet.flame.cast(tasks.echo.with({ delay: '1h' }), 1);
  expect(await cancelled.cancel('enough')).toBe('cancelled');
  await expect(cancelled.result()).rejects.toMatchObject({ code: 'FLAME_ERR_CANCELLED', reason: 'enough' });
  await expect(fleet.flame.call(tasks.exit, 9)).rejects.toMatchObject({ code: 'FLAME_ERR_CRASH', exitCode: 9 });
  await expect(fleet.flame.call(tasks.wait.with({ timeout: 50 }), 60_000)).rejects.toMatchObject({
    code: 'FLAME_ERR_TIMEOUT',
  });
  const late = await fleet.flame.cast(tasks.echo.with({ delay: '1h', deadline: 1 }), 1);
  await fleet.client.zadd(fleet.keys().expiry, 0, late.id);
  await createHousekeeping(steady, fleet.keys(), 'main', fleet.config).expire();
  await expect(late.result()).rejects.toMatchObject({ code: 'FLAME_ERR_DEADLINE' });
});

test('S-08 the command line shows what it has the keys for, and says that it is sealed where it has not', async () => {
  const canary = newCanary();
  const handle = await fleet.flame.cast(tasks.fail, canary);
  await errorOf(handle.result());
  const env = { ...fleet.env };
  const shown = await cli(['calls', 'show', handle.id], { env });
  expect(shown.output).toContain(canary);
  expect(shown.code).toBe(0);
  const { FLAME_TEST_PAYLOAD: _, FLAME_ENCRYPTION_KEYS: __, ...keyless } = env;
  const closed = await cli(['calls', 'show', handle.id], { env: keyless });
  expect(closed.code).toBe(0);
  expect(closed.output).toMatch(/bytes that cannot be shown here: .* it is sealed/);
  expectNone(closed.output, canary, 'the command line without keys');
  const listed = await cli(['calls', 'ls', '--json'], { env });
  expect(listed.output).toContain('(sealed)');
  expectNone(listed.output, canary, 'the list, which opens nothing');
});

test('a frame that is sealed is an error that says so to whoever does not know of sealing', async () => {
  const { id } = await fleet.flame.cast(tasks.echo, 1);
  await fleet.flame.attach(id).result();
  const body = (await fleet.client.hgetBuffer(fleet.keys().outcome(id), 'body')) as Buffer;
  expect(() => unpackPayload(body)).toThrow(FlameCodecError);
  expect(() => unpackPayload(body)).toThrow(/is sealed/);
});
