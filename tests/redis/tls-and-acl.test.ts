/**
 * Redis as it should be run: over TLS, and with a user of its own for each part of an app, which may do what docs/redis.md
 * says, and nothing else. The test reads the rights from that page.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, disconnect, type RedisClient, whenReady } from '@flamejs/protocol';
import { createFlame, type Flame, FlameConfigError, FlameUnavailableError } from '@flamejs/queue';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { freePort } from '../support/free-port.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { useCalls, useDashboard, useHandles, useSchedules } from './every-use.ts';
import { commandsOfScripts, type Role } from './script-commands.ts';

const ROLES: readonly Role[] = ['caller', 'runner', 'autoscaler', 'dashboard'];

/** Callers read replies from their streams on a cluster, and where a user may not push them. */
const WITHOUT_PUSHES = ['xread', 'xdel'];

const PASSWORD = 'a password of the test';
const page = readFileSync(new URL('../../docs/redis.md', import.meta.url), 'utf8');

/** The rights of a role as the page has them: the lines of its one block of code, without the comments. */
const rightsOf = (role: Role, app: string): readonly string[] => {
  const block = new RegExp(`ACL SETUSER shop-${role} ([^]*?)\n\`\`\``).exec(page)?.[1];
  if (block === undefined) throw new Error(`docs/redis.md does not say what the ${role} needs`);
  return block
    .split('\n')
    .map((line) => line.replace(/\\$/, '').trim())
    .join(' ')
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => word.replaceAll('{flame:shop', `{flame:${app}`))
    .map((word) => (word === '>PASSWORD' ? `>${PASSWORD}` : word));
};

const silent = pino({ level: 'silent' });
let folder: string;
let certificates: Certificates;
let redis: RedisServer;
let port: number;
let fleet: Fleet;
let admin: Redis;

const addressOf = (role: Role) => ({
  host: '127.0.0.1',
  port,
  username: `shop-${role}`,
  password: PASSWORD,
  tls: { ca: certificates.ca },
});
const urlOf = (role: Role): string => `rediss://shop-${role}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`;
const configOf = (role: Role) => ({ redis: { kind: 'single' as const, url: undefined, options: addressOf(role) } });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flame-tls-'));
  certificates = makeCertificates(folder);
  port = await freePort();
  const { certFile, keyFile, caFile } = certificates;
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile];
  redis = await startRedis({ args: ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files] });
  admin = redis.client();
  const runnersUrl = join(folder, 'runners-url');
  await writeFile(runnersUrl, urlOf('runner'));
  const main = {
    ...({ max: 2, maxConcurrency: 2, timeout: '30s', idleShutdownAfter: '60s' } as const),
    // Runners that the autoscaler starts get a user of their own by this, and not the autoscaler's.
    env: { FLAME_REDIS_URL_FILE: runnersUrl },
  };
  fleet = await startFleet({
    pools: { main },
    servers: { input: addressOf('caller'), client: admin, stop: () => redis.stop() },
  });
  for (const role of ROLES) await admin.call('ACL', 'SETUSER', `shop-${role}`, ...rightsOf(role, fleet.config.app));
});
afterAll(async () => {
  await fleet?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Denial {
  readonly username: string;
  readonly reason: string;
  readonly object: string;
}

/** What Redis has refused to the users so far. */
const denials = async (): Promise<readonly Denial[]> => {
  const entries = (await admin.call('ACL', 'LOG', '128')) as string[][];
  return entries.map((flat) => {
    const field = (name: string): string => String(flat[flat.indexOf(name) + 1]);
    return { username: field('username'), reason: field('reason'), object: field('object') };
  });
};

test('S-06 S-23 caller, runner, autoscaler and dashboard work over rediss:// with the rights of docs/redis.md, all of them needed', {
  timeout: 240_000,
}, async () => {
  await admin.call('ACL', 'LOG', 'RESET');
  await admin.call('CONFIG', 'RESETSTAT');
  await fleet.autoscaler({}, configOf('autoscaler'));
  await useCalls(fleet.flame, folder);
  await useHandles(fleet.flame, fleet.caller(), folder);
  await useSchedules(fleet.flame, folder);
  await useDashboard(fleet, configOf('dashboard').redis);
  const users = new Set(
    ((await admin.client('LIST')) as string).split('\n').flatMap((line) => / user=(shop-\w+)/.exec(line)?.[1] ?? []),
  );
  expect([...users].sort()).toEqual(['shop-autoscaler', 'shop-caller', 'shop-runner']);
  expect(await denials()).toEqual([]);

  // Beside what has run here: what scripts do in recoveries. And nothing more than both.
  const known = new Set((await admin.call('COMMAND', 'LIST')) as string[]);
  const used = new Set(
    [...(await admin.info('commandstats')).matchAll(/^cmdstat_([^:]+):/gm)].map(([, name = '']) => name),
  );
  for (const role of ROLES) {
    const granted = rightsOf(role, fleet.config.app).flatMap((word) => /^\+(.+)$/.exec(word)?.[1] ?? []);
    const scripted = commandsOfScripts(role, known);
    expect(
      [...scripted].filter((command) => !granted.includes(command)),
      `missing for the ${role}`,
    ).toEqual([]);
    const needed = (command: string) => used.has(command) || scripted.has(command) || WITHOUT_PUSHES.includes(command);
    expect(
      granted.filter((command) => !needed(command)),
      `too much for the ${role}`,
    ).toEqual([]);
  }
});

const opened: RedisClient[] = [];
const openAs = async (role: Role): Promise<Redis> => {
  const client = connect(configOf(role).redis, 'steady', 'test') as Redis;
  client.on('error', () => undefined);
  opened.push(client);
  await whenReady(client, 10_000);
  return client;
};
afterAll(() => {
  for (const client of opened) disconnect(client);
});

test.each<[string, string[]]>([
  ['another app’s keys', ['SET', '{flame:other:main}:x', '1']],
  ['another app whose name begins like it', ['GET', '{flame:shopping:main}:x']],
  ['keys of nobody', ['SET', 'x', '1']],
  ['the autoscaler’s lease', ['SET', '{flame:shop}:lease', 'mine']],
  ['the autoscaler’s intents', ['HSET', '{flame:shop}:intents', 'x', '1']],
  ['KEYS', ['KEYS', '*']],
  ['SCAN', ['SCAN', '0']],
  ['CONFIG', ['CONFIG', 'GET', '*']],
  ['FLUSHALL', ['FLUSHALL']],
  ['FLUSHDB', ['FLUSHDB']],
  ['SCRIPT FLUSH', ['SCRIPT', 'FLUSH']],
  ['FUNCTION LOAD', ['FUNCTION', 'LOAD', 'x']],
  ['DEBUG', ['DEBUG', 'SLEEP', '0']],
  ['SHUTDOWN', ['SHUTDOWN', 'NOSAVE']],
  ['MONITOR', ['MONITOR']],
  ['REPLICAOF', ['REPLICAOF', 'NO', 'ONE']],
  ['ACL', ['ACL', 'LIST']],
  ['CLIENT KILL', ['CLIENT', 'KILL', 'TYPE', 'normal']],
  ['CLIENT LIST', ['CLIENT', 'LIST']],
  ['a channel of another app', ['PUBLISH', '{flame:other:main}:control', '{}']],
])('S-06 a runner may not: %s', async (_, [name = '', ...args]) => {
  const client = await openAs('runner');
  const mine = args.map((arg) =>
    arg
      .replace('{flame:shop}', `{flame:${fleet.config.app}}`)
      .replace('{flame:shopping:', `{flame:${fleet.config.app}x:`),
  );
  await expect(client.call(name, ...mine)).rejects.toThrow(/NOPERM/);
  await expect(client.eval(`return redis.call(unpack(ARGV))`, 0, name, ...mine)).rejects.toThrow(
    /NOPERM|The user executing the script can't|not allowed from script/,
  );
});

/** Arguments that satisfy the command's arity, which is looked at before the rights are. */
const argumentsFor = async (command: string, key: string): Promise<string[]> => {
  const [name = '', subcommand] = command.split('|');
  const [info] = (await admin.call('COMMAND', 'INFO', name)) as [[string, number]];
  const count = subcommand === undefined ? Math.abs(info[1]) - 1 : 2;
  return [...(subcommand === undefined ? [] : [subcommand]), ...Array.from({ length: count }, () => key)].slice(
    0,
    count,
  );
};

test.each(ROLES)(
  'C-80: the %s, with each of its commands taken away in turn, is told which one and where it is written',
  {
    timeout: 60_000,
  },
  async (role) => {
    const { app } = fleet.config;
    const user = 'shop-one-missing';
    const rights = rightsOf(role, app);
    const commands = rights.flatMap((word) => /^\+(.+)$/.exec(word)?.[1] ?? []);
    expect(commands.length).toBeGreaterThan(10);
    await admin.call('ACL', 'SETUSER', user, 'reset', ...rights);
    const client = connect(
      { kind: 'single', url: undefined, options: { ...addressOf(role), username: user } },
      'steady',
      'test',
    ) as Redis;
    opened.push(client);
    await whenReady(client, 10_000);
    const wrong: string[] = [];
    for (const command of commands) {
      await admin.call('ACL', 'SETUSER', user, `-${command}`);
      const [name = ''] = command.split('|');
      const error: unknown = await client
        .call(name, ...(await argumentsFor(command, `{flame:${app}:main}:x`)))
        .catch((e) => e);
      const says = error instanceof FlameConfigError ? error.message : `uncoded: ${String(error)}`;
      if (!says.includes(`'${command}'`) || !says.includes('docs/redis.md')) wrong.push(`${command}: ${says}`);
      await admin.call('ACL', 'SETUSER', user, `+${command}`);
    }
    expect(wrong).toEqual([]);
  },
);

test('C-80: a command that is missed inside of a script or a pipeline is named too', async () => {
  const { app } = fleet.config;
  const key = `{flame:${app}:main}:x`;
  await admin.call('ACL', 'SETUSER', 'shop-no-hset', 'reset', ...rightsOf('caller', app), '-hset');
  const options = { ...addressOf('caller'), username: 'shop-no-hset' };
  const client = connect({ kind: 'single', url: undefined, options }, 'steady', 'test') as Redis;
  opened.push(client);
  await whenReady(client, 10_000);
  client.defineCommand('setTwo', { numberOfKeys: 1, lua: `local x = 1\nreturn redis.call('hset', KEYS[1], 'a', x)` });
  const commands = client as unknown as { setTwo(key: string): Promise<unknown> };
  const named = expect.objectContaining({
    code: 'FLAME_ERR_CONFIG',
    message: expect.stringMatching(/'hset'.*docs\/redis\.md/),
  });
  expect(await commands.setTwo(key).catch((error: unknown) => error)).toEqual(named);
  expect((await client.pipeline().hset(key, 'a', 1).exec())?.[0]?.[0]).toEqual(named);
});

test.each(['hset', 'eval', 'llen'])(
  'C-80: a call by a user without %s rejects with an error that names it',
  async (command) => {
    await admin.call('ACL', 'SETUSER', 'shop-less', 'reset', ...rightsOf('caller', fleet.config.app), `-${command}`);
    const error = await callWith({ ...addressOf('caller'), username: 'shop-less' });
    expect(error).toMatchObject({
      code: 'FLAME_ERR_CONFIG',
      message: expect.stringMatching(new RegExp(`'${command}.*docs/redis\\.md`)),
    });
  },
);

test('S-06 a caller may not touch what belongs to the autoscaler, and the dashboard may only read it', async () => {
  const key = `{flame:${fleet.config.app}}:intents`;
  await expect((await openAs('caller')).hgetall(key)).rejects.toThrow(/NOPERM/);
  const dashboard = await openAs('dashboard');
  expect(await dashboard.hgetall(key)).toBeTypeOf('object');
  await expect(dashboard.hset(key, 'x', '1')).rejects.toThrow(/NOPERM/);
});

const callWith = async (options: object): Promise<unknown> => {
  const flame: Flame = createFlame(
    // What is refused is said at once, long before this.
    { ...fleet.config, connectTimeoutMs: 300_000, redis: { kind: 'single', url: undefined, options } },
    { logger: silent },
  );
  try {
    return await settles(
      flame.call(tasks.echo, 1).catch((error: unknown) => error),
      { what: 'the call', timeoutMs: 60_000 },
    );
  } finally {
    await flame.close();
  }
};

test('S-23 a server whose certificate nobody vouches for is refused by caller, runner and autoscaler, at once and in words', {
  timeout: 180_000,
}, async () => {
  const { tls: _, ...trusting } = addressOf('caller');
  const error = await callWith({ ...trusting, tls: {} });
  expect(error).toBeInstanceOf(FlameUnavailableError);
  expect(error).toMatchObject({
    enqueued: 'no',
    message: expect.stringMatching(/certificate of this Redis cannot be trusted.*tls: \{ ca \}/),
  });

  const redisOf = { ...configOf('autoscaler').redis.options, tls: {} };
  await expect(fleet.autoscaler({}, { redis: { kind: 'single', url: undefined, options: redisOf } })).rejects.toThrow(
    /certificate/,
  );

  const before = fleet.started.length;
  // Without the config's certificate, the URL alone switches TLS on.
  const starting = fleet.runner('main', { FLAME_REDIS_URL: urlOf('runner'), FLAME_TEST_REDIS: '' });
  starting.catch(() => undefined);
  const runner = await waitFor(() => fleet.started[before], { what: 'the process' });
  const { code } = await settles(runner.process.exited, { what: 'its end' });
  expect(code).not.toBe(0);
  expect(runner.process.output()).toMatch(/certificate of this Redis cannot be trusted/);
  expect(runner.process.output()).not.toContain(encodeURIComponent(PASSWORD));
});

test('S-23 a connection that is closed in the middle of its handshake ends nothing but itself', async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on('uncaughtException', note);
  try {
    const untrusting = { ...configOf('caller').redis, options: { ...addressOf('caller'), tls: {} } };
    for (let ms = 0; ms < 12; ms += 1) {
      const clients = Array.from({ length: 3 }, () => connect(untrusting, 'steady', 'test'));
      for (const client of clients) client.on('error', () => undefined);
      await sleep(ms);
      clients.forEach(disconnect);
    }
    await sleep(200);
  } finally {
    process.off('uncaughtException', note);
  }
  expect(uncaught).toEqual([]);
});

test('S-23 a certificate for another name is refused', async () => {
  const error = await callWith({ ...addressOf('caller'), tls: { ca: certificates.ca, servername: 'cache.example' } });
  expect(error).toMatchObject({ name: 'FlameUnavailableError', message: expect.stringMatching(/for another name/) });
});

test.each<[string, object]>([
  ['a wrong password', { password: 'wrong' }],
  ['an unknown user', { username: 'nobody' }],
])('S-06 %s is said at once', async (_, changes) => {
  const error = await callWith({ ...addressOf('caller'), ...changes });
  expect(error).toBeInstanceOf(FlameUnavailableError);
  expect(error).toMatchObject({
    enqueued: 'no',
    message: expect.stringMatching(/does not accept the user or the password/),
  });
});

test('S-06 a user without the rights that a call needs is told which page lists them', async () => {
  await admin.call('ACL', 'SETUSER', 'shop-poor', 'on', `>${PASSWORD}`, '~*', '+info', '+client|setname', '+publish');
  const error = await callWith({ ...addressOf('caller'), username: 'shop-poor' });
  expect(error).toMatchObject({
    name: 'FlameConfigError',
    message: expect.stringMatching(/docs\/redis\.md lists the rights.*NOPERM/),
  });
});
