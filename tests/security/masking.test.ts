/** What must not be seen, looked for everywhere that people or programs look. */
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { connect, createHousekeeping, whenReady } from '@flamejs/protocol';
import { createFlame, defineConfig, type FlameError } from '@flamejs/queue';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flame as cli } from '../cli/flame.ts';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';
import { waitFor } from '../support/wait-for.ts';
import { everythingIn, expectNone, expectSome, newCanary, watchCommands } from './canary.ts';
import { everyCommand, everyPage } from './everything-shown.ts';

const encryptionKeys = [{ id: 'k1', key: randomBytes(32).toString('base64') }];
const inEnvironment = newCanary();
let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet({
    app: { encryptionKeys },
    pools: { main: { max: 4, maxConcurrency: 2, passEnv: ['SHOP_*'] } },
    env: { FLAME_ENCRYPTION_KEYS: `k1:${encryptionKeys[0]?.key}`, SHOP_LICENCE: inEnvironment },
  });
  await fleet.runner('main', { FLAME_LOG_LEVEL: 'trace' });
});
afterAll(() => fleet?.stop());

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );
const logs = (): string => fleet.started.map(({ process }) => process.output()).join('\n');

/** An error in all the forms in which it is printed. */
const printed = (error: unknown): string =>
  [
    inspect(error, { depth: 20, showHidden: true }),
    JSON.stringify(error),
    String((error as Error).stack),
    JSON.stringify(pino.stdSerializers.err(error as Error)),
  ].join('\n');

test('S-08 a secret among arguments, results and errors is seen by the function alone', {
  timeout: 180_000,
}, async () => {
  const canary = newCanary();
  const { flame } = fleet;
  const watch = await watchCommands(fleet.client);
  const card = flame.secret(canary);
  const shown = await flame.cast(tasks.reveal, card);
  expect(await shown.result()).toEqual({ length: canary.length, shown: '[secret]' });
  const given = await flame.cast(tasks.giveSecret, card);
  const result = (await given.result()) as { given: { reveal(): string } };
  expect(result.given.reveal()).toBe(canary);
  const failed = await flame.cast(tasks.failSecretly, card);
  const error = (await errorOf(failed.result())) as Error & { card: { reveal(): string } };
  expect(error.card.reveal()).toBe(canary);
  // Handed on from function to function, in calls of their own.
  const passed = await flame.cast(tasks.passSecret, card);
  expect(await passed.result()).toEqual({ same: true, length: canary.length });
  const ids = [shown, given, failed, passed].map(({ id }) => id);
  watch.stop();

  expect(logs()).toContain('the secret: [secret]');
  expectNone(logs(), canary, "the runner's log");
  expectNone(printed(error) + printed(result), canary, 'what a caller prints');
  expectNone(await everythingIn(fleet.client), canary, 'Redis');
  expectNone(watch.heard(), canary, 'commands to Redis');
  const pages = await everyPage(fleet.config, ids);
  expect(pages).toContain('[secret]');
  expectNone(pages, canary, 'the dashboard');
  expectNone(await everyCommand(fleet.env, ids), canary, 'the command line');
});

test('S-08 a scheduled call gets its secret, which stands in the schedule encrypted', async () => {
  const canary = newCanary();
  const { scheduleMoments, queue } = fleet.keys();
  await fleet.flame.schedule('charge', { every: '1h' }, tasks.reveal, fleet.flame.secret(canary));
  expectNone(await everythingIn(fleet.client), canary, 'Redis');
  await fleet.client.zadd(scheduleMoments, 1, 'charge');
  const steady = connect(fleet.config.redis, 'steady', 'test');
  await whenReady(steady, 10_000);
  const before = new Set(await fleet.client.zrange(`${queue}completed`, '0', '-1'));
  await createHousekeeping(steady, fleet.keys(), 'main', fleet.config).castScheduled();
  steady.disconnect();
  const id = await waitFor(
    async () => (await fleet.client.zrange(`${queue}completed`, '0', '-1')).find((done) => !before.has(done)),
    { what: 'the scheduled call to succeed', found: logs },
  );
  expect(await fleet.flame.attach(id).result()).toEqual({ length: canary.length, shown: '[secret]' });
});

test('S-08 credentials by their names are left out of pages, commands and logs, and arrive whole at the function', async () => {
  const canary = newCanary();
  const order = {
    user: 'ada',
    password: canary,
    headers: new Map([['Authorization', `Bearer ${canary}`]]),
    list: [{ apiKey: canary }],
  };
  const echoed = await fleet.flame.cast(tasks.echo, order);
  expect(await echoed.result()).toEqual(order);
  const failed = await fleet.flame.cast(tasks.fail, `connecting to postgres://shop:${canary}@db/shop failed`);
  await errorOf(failed.result());
  const logged = await fleet.flame.cast(
    tasks.log,
    `token=${canary}`,
    `{"client_secret": "${canary}"}`,
    `x-api-key: ${canary}`,
  );
  await logged.result();
  const ids = [echoed, failed, logged].map(({ id }) => id);
  const pages = await everyPage(fleet.config, ids);
  expect(pages).toContain('ada');
  expect(pages).toContain('token=[redacted]');
  expectNone(pages, canary, 'the dashboard');
  const commands = await everyCommand(fleet.env, [failed.id, logged.id, echoed.id]);
  expect(commands).toContain('ada');
  expectNone(commands, canary, 'the command line');
  expectNone(logs(), canary, "the runner's log");
});

test('S-21 no error of a call carries the environment, the command line or a path into its JSON', async () => {
  const { flame } = fleet;
  const env = (await flame.call(tasks.environment)) as { env: Record<string, string> };
  // That the search could find it: the application's own variable is there, its executor may use it …
  expectSome(JSON.stringify(env), inEnvironment, 'the environment of an executor');
  // … and Flame's secrets are not.
  expect(Object.keys(env.env).filter((name) => /REDIS_URL|SIGNING_KEY|ENCRYPTION_KEYS/.test(name))).toEqual([]);
  expectNone(JSON.stringify(env), encryptionKeys[0]?.key ?? '', 'the environment of an executor');
  const errors = (await Promise.all([
    errorOf(flame.call(tasks.fail, 'plainly')),
    errorOf(flame.call(tasks.exit, 3)),
    errorOf(flame.call(tasks.throwUncaught)),
    errorOf(flame.call(tasks.wait.with({ timeout: 50 }), 60_000)),
    errorOf(flame.call(tasks.unshippable)),
  ])) as FlameError[];
  for (const error of errors) {
    expectNone(printed(error), inEnvironment, error.name);
    const json = JSON.stringify(error);
    expect(json, error.name).not.toMatch(/remoteStack|"stack"|"stderr"|node_modules|\.mjs/);
  }
  expect(errors.map(({ name }) => name)).toEqual([
    'Error',
    'FlameCrashError',
    'FlameCrashError',
    'FlameTimeoutError',
    'FlameCodecError',
  ]);
});

test("S-07 the password of Redis is in no log, page, command's output, error or inspector", {
  timeout: 180_000,
}, async () => {
  const canary = newCanary();
  await using guarded = await startFleet();
  await guarded.client.config('SET', 'requirepass', canary);
  const url = `redis://:${canary}@127.0.0.1:${guarded.redis.port}`;
  const env = { ...guarded.env, FLAME_REDIS_URL: url };
  const runner = await guarded.runner('main', { FLAME_REDIS_URL: url, FLAME_LOG_LEVEL: 'trace' });
  const configFor = (redis: string) =>
    defineConfig({ app: guarded.config.app, redis, pools: { main: {} }, connectTimeout: 1_000, release: 'test' });
  const config = configFor(url);
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  await using flame = createFlame(config, { logger });
  const handle = await flame.cast(tasks.echo, 1);
  expect(await handle.result()).toBe(1);
  const executor = await flame.call(tasks.environment);
  const failed = await errorOf(flame.call(tasks.fail, 'x'));
  const shown = [
    inspect(config, { depth: 20, showHidden: true }),
    JSON.stringify(config),
    inspect(flame.config, { depth: 20 }),
    JSON.stringify(executor),
    printed(failed),
    await everyPage(config, [handle.id]),
    await everyCommand(env, [handle.id]),
    runner.process.output(),
  ];

  // A password that Redis refuses, and a user that may not do what it has to: errors that ioredis makes of commands.
  const wrong = `redis://:${canary}wrong@127.0.0.1:${guarded.redis.port}`;
  await using outsider = createFlame(configFor(wrong), { logger });
  const denied = await errorOf(outsider.call(tasks.echo, 1));
  expect(denied).toMatchObject({ code: 'FLAME_ERR_UNAVAILABLE' });
  shown.push(printed(denied));
  await guarded.client.acl('SETUSER', 'reader', 'on', `>${canary}`, '~*', '&*', '+@read', '+@connection', '+info');
  const asReader = `redis://reader:${canary}@127.0.0.1:${guarded.redis.port}`;
  await using reader = createFlame(configFor(asReader), { logger });
  const forbidden = await errorOf(reader.call(tasks.echo, newCanary()));
  expect(String(forbidden)).toMatch(/NOPERM|permission/i);
  shown.push(printed(forbidden));
  expect(printed(forbidden)).not.toMatch(/"args"|args:/);
  for (const url of bySize({ push: [wrong], nightly: [wrong, `not a url: ${canary}`, `redis://:${canary}@`] })) {
    const doctor = await cli(['doctor'], { env: { ...env, FLAME_REDIS_URL: url } });
    expect(doctor.code).not.toBe(0);
    shown.push(doctor.output);
  }
  expectNone(shown.join('\n'), canary, 'what is shown');
  expectNone(lines.join('\n'), canary, "the caller's log");
});
