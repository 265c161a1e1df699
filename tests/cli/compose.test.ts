import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeText, fillCompose, readCompose } from '../support/compose.ts';
import { APP_FOLDER } from '../support/fleet.ts';
import { freePort } from '../support/free-port.ts';
import { startProcess, type TestProcess } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';
import { flame, startFlame } from './flame.ts';

const GIVEN = {
  FLAME_IMAGE: 'shop:42',
  FLAME_REDIS_PASSWORD: 'redis-password-of-tests',
  FLAME_SIGNING_KEY: 'signing-key-of-the-tests',
  FLAME_DASHBOARD_TOKEN: 'dashboard-token-of-tests',
};
const text = composeText;
const filled = fillCompose(GIVEN);
const file = readCompose(GIVEN);
const { redis, dashboard } = file.services;

/** Every key of a service that we use, as the Compose Specification names them. */
const KNOWN = [
  'cap_drop',
  'command',
  'depends_on',
  'environment',
  'healthcheck',
  'image',
  'init',
  'networks',
  'ports',
  'read_only',
  'restart',
  'security_opt',
  'stop_grace_period',
  'tmpfs',
  'volumes',
];

let folder: string;
let server: TestProcess;
let port: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flame-compose-'));
  port = await freePort();
  // The very command of the file, but for its place and port.
  const [shell = '', flag = '', script = ''] = redis.command ?? [];
  const command = script
    .replace('redis-server', process.env.FLAME_REDIS_SERVER || 'redis-server')
    .replace('/data', folder);
  server = await startProcess(shell, [flag, `${command} --port ${port} --bind 127.0.0.1`], {
    env: { ...redis.environment },
  });
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test('the compose file names only what the specification knows, and refers only to what it defines', () => {
  for (const [name, service] of Object.entries(file.services)) {
    expect([name, Object.keys(service).filter((key) => !KNOWN.includes(key))]).toEqual([name, []]);
    expect([name, typeof service.image]).toEqual([name, 'string']);
    for (const network of service.networks ?? []) expect(Object.keys(file.networks)).toContain(network);
    for (const volume of service.volumes ?? []) expect(Object.keys(file.volumes)).toContain(volume.split(':')[0]);
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(condition).toBe('service_healthy');
      expect(file.services[other as 'redis'].healthcheck?.test?.[0]).toBe('CMD');
    }
  }
  expect(filled).not.toContain('${');
});

test('nothing is open to other machines, nothing is privileged, and no secret stands in the file', () => {
  for (const service of Object.values(file.services)) {
    for (const published of service.ports ?? []) expect(published).toMatch(/^127\.0\.0\.1:/);
  }
  expect(redis.ports).toBeUndefined();
  expect(text).not.toMatch(/docker\.sock|privileged|network_mode: *host/);
  for (const line of text.split('\n').filter((l) => !l.startsWith('#') && /(PASSWORD|KEY|TOKEN|AUTH)\w*: /.test(l))) {
    expect(line).toContain(':?');
  }
});

test('Redis is what Flame asks for: a password, durable, never evicting', async () => {
  await using _ = { [Symbol.asyncDispose]: async () => client.disconnect() };
  const client = new Redis(port, { password: GIVEN.FLAME_REDIS_PASSWORD, lazyConnect: true });
  client.on('error', () => undefined);
  await waitFor(async () => (await client.ping()) === 'PONG', {
    what: 'Redis to answer',
    found: () => server.output(),
  });
  expect(await client.config('GET', 'appendonly')).toEqual(['appendonly', 'yes']);
  expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
  const stranger = new Redis(port);
  stranger.on('error', () => undefined);
  await expect(stranger.ping()).rejects.toThrow('NOAUTH');
  stranger.disconnect();
});

test('each command is one of flame’s', async () => {
  for (const { command = [] } of [file.services.autoscaler, dashboard]) {
    const [program, ...args] = command;
    expect(program).toBe('node_modules/.bin/flame');
    const help = await flame([...args, '--help'], { env: {} });
    expect([args, help.code]).toEqual([args, 0]);
  }
});

test('the dashboard starts with the environment of the file, asks for its token, and is healthy', async () => {
  const at = await freePort();
  const args = (dashboard.command ?? []).slice(1).map((arg) => (arg === '3526' ? String(at) : arg));
  const url = dashboard.environment?.FLAME_REDIS_URL?.replace('redis:6379', `127.0.0.1:${port}`);
  const env: Record<string, string | undefined> = {
    ...dashboard.environment,
    FLAME_REDIS_URL: url,
    FLAME_CONFIG: join(APP_FOLDER, 'flame.config.mjs'),
  };
  await using run = await startFlame(args, { env });
  await run.waitForOutput(/dashboard of app/);
  const pools = `http://127.0.0.1:${at}/api/pools`;
  expect((await fetch(pools)).status).toBe(401);
  expect((await fetch(pools, { headers: { authorization: `Bearer ${GIVEN.FLAME_DASHBOARD_TOKEN}` } })).status).toBe(
    200,
  );
  const [, program = '', ...rest] = dashboard.healthcheck?.test ?? [];
  expect(program).toBe('node');
  // Throws unless it exits with 0.
  execFileSync(
    process.execPath,
    rest.map((part) => part.replace('3526', String(at))),
    { timeout: 20_000 },
  );
  expect((await run.stop()).code).toBe(0);

  const { FLAME_DASHBOARD_TOKEN: _, ...open } = env;
  const refused = await flame(args, { env: open });
  expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('no credential is set')]);
});
