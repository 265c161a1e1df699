import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFlame, defineFunction } from '@flamejs/queue';
import { parseConfig } from '@flamejs/queue/internal';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFleet, tasks } from '../support/fleet.ts';
import { freePort } from '../support/free-port.ts';
import { expectNoLeftovers, startBrood } from '../support/processes.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { flame, startFlame } from './flame.ts';

const PATIENCE = { timeout: 180_000 };
/** Inside the repository, so that the application finds its packages. */
const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
const CONFIG = `
import { defineConfig } from '@flamejs/queue';
export default defineConfig({
  app: 'devtest',
  redis: process.env.REDIS_URL,
  functions: ['./tasks.mjs'],
  pools: { main: { max: 1, idleShutdownAfter: '2s' } },
});
`;
const TASKS = `
import { defineFunction } from '@flamejs/queue';
export const double = defineFunction('double', { pool: 'main' }, (n) => 2 * n);
`;
const double = defineFunction('double', { pool: 'main' }, (n: number) => 2 * n);

describe('flame dev', () => {
  let folder: string;
  let nobody: string;
  beforeAll(async () => {
    await mkdir(CACHE, { recursive: true });
    folder = await mkdtemp(join(CACHE, 'dev-'));
    await writeFile(join(folder, 'flame.config.mjs'), CONFIG);
    await writeFile(join(folder, 'tasks.mjs'), TASKS);
    nobody = `redis://127.0.0.1:${await freePort()}`;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('starts Redis, autoscaler and dashboard, runs a call, and leaves nothing behind', PATIENCE, async () => {
    const brood = startBrood();
    const env = { ...brood.env, REDIS_URL: nobody, FLAME_REDIS_URL: undefined };
    await using dev = await startFlame(['dev', '--port', '0'], { env, cwd: folder });
    const [, redis = ''] = await dev.waitForOutput(/^redis +(redis:\S+)/m, 60_000);
    const [, dashboard = ''] = await dev.waitForOutput(/^dashboard +(http:\S+)/m, 60_000);
    const input = { app: 'devtest', redis, pools: { main: { max: 1 } } };
    const caller = createFlame(parseConfig(input, { root: folder, configFile: undefined, env: {} } as never), {
      logger: pino({ level: 'silent' }),
    });
    try {
      expect(await settles(caller.call(double, 21), { what: 'the call', timeoutMs: 90_000 })).toBe(42);
    } finally {
      await caller.close();
    }
    await dev.waitForOutput(/main main-\S+ {2}runner\.ready/);
    const { pools } = (await (await fetch(new URL('/api/pools', dashboard))).json()) as {
      pools: { succeeded: number }[];
    };
    expect(pools[0]?.succeeded).toBe(1);

    // A second one on the same data would destroy it: it joins, and leaves Redis to the first.
    await using second = await startFlame(['dev', '--no-dashboard'], { env, cwd: folder });
    expect((await second.waitForOutput(/^redis +(redis:\S+)/m, 60_000))[1]).toBe(redis);
    second.signal('SIGINT');
    expect((await settles(second.exited, { what: 'the second to end', timeoutMs: 60_000 })).code).toBe(0);
    expect((await fetch(new URL('/readyz', dashboard))).status).toBe(200);

    dev.signal('SIGINT');
    expect((await settles(dev.exited, { what: 'flame dev to end', timeoutMs: 60_000 })).code).toBe(0);
    expect(dev.output()).toMatch(/stopping …\nstopped; no process is left\n$/);
    await expectNoLeftovers(brood);
  });

  test('starts no Redis in the place of one on another host', PATIENCE, async () => {
    const env = {
      REDIS_URL: 'redis://:secret@192.0.2.1:6379',
      FLAME_REDIS_URL: undefined,
      FLAME_SIGNING_KEY: 'signing-key-of-the-tests',
    };
    const { code, output } = await flame(['dev'], { env, cwd: folder });
    expect([code, output]).toEqual([1, expect.stringContaining('not on this machine')]);
    expect(output).not.toContain('secret');
  });
});

test('flame runner and flame autoscaler work until they are told to stop, and end with 0', PATIENCE, async () => {
  await using fleet = await startFleet({ pools: { main: { max: 1 } } });
  await using runner = await startFlame(['runner', '--pool', 'main'], { env: { ...fleet.env, FLAME_RELEASE: 'test' } });
  expect(await settles(fleet.flame.call(tasks.echo, 'hello'), { what: 'a call by hand', timeoutMs: 60_000 })).toBe(
    'hello',
  );
  await using autoscaler = await startFlame(['autoscaler'], { env: fleet.env });
  const status = async (): Promise<string> => (await flame(['status'], { env: fleet.env })).output;
  await waitFor(async () => (await status()).includes('The autoscaler was heard of'), {
    what: 'an autoscaler',
    timeoutMs: 60_000,
    found: status,
  });
  for (const process of [runner, autoscaler]) {
    process.signal('SIGTERM');
    expect((await settles(process.exited, { what: 'an orderly end', timeoutMs: 60_000 })).code).toBe(0);
  }
});

test('flame dashboard says which port is taken', PATIENCE, async () => {
  await using fleet = await startFleet();
  const taken = createServer().listen(0, '127.0.0.1');
  await waitFor(() => taken.listening, { what: 'the port to be taken' });
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { code, output } = await flame(['dashboard', '--port', String(port)], { env: fleet.env });
  taken.close();
  expect([code, output]).toEqual([1, expect.stringContaining(`127.0.0.1:${port} is taken`)]);
});
