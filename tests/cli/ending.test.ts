/** How the commands that run until they are told to stop end: all of them in time, with nothing left, also without Redis. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { appKeys, poolKeys } from '@flamejs/protocol';
import { parseConfig } from '@flamejs/queue/internal';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Brood, expectNoLeftovers, startBrood, startSource } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { startFlame } from './flame.ts';

const PATIENCE = { timeout: 180_000 };
/** Inside the repository, so that the application finds its packages. */
const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
const STOP_SIGNALS = new URL('../../packages/cli/dist/stop-signals.js', import.meta.url).href;
const SHUTDOWN_MS = 2_000;
/** Far from what was seen once, 50 and 84 s, and from what these take on a slow machine. */
const SOON = { what: 'its end' };
const CONFIG = `
import { local } from '@flamejs/autoscaler/local';
import { defineConfig } from '@flamejs/queue';
const pool = () => ({ min: 1, max: 1, shutdownTimeout: '${SHUTDOWN_MS}ms', backend: local() });
export default defineConfig({
  app: 'endtest',
  redis: process.env.REDIS_URL,
  functions: [],
  pools: { one: pool(), two: pool() },
});
`;

let folder: string;
beforeAll(async () => {
  await mkdir(CACHE, { recursive: true });
  folder = await mkdtemp(join(CACHE, 'end-'));
  await writeFile(join(folder, 'flame.config.mjs'), CONFIG);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const commandOf = (brood: Brood, redis: RedisServer, args: readonly string[]) =>
  startFlame(args, {
    env: { ...brood.env, REDIS_URL: redis.url, FLAME_REDIS_URL: undefined, FLAME_APP: undefined },
    cwd: folder,
  });

/** Until a runner of each of these pools is ready. */
const ready = (redis: RedisServer, pools: readonly string[]): Promise<unknown> => {
  const input = { app: 'endtest', redis: redis.url, pools: { one: {}, two: {} } };
  const { prefix, app } = parseConfig(input as never, { root: folder, configFile: undefined, env: {} });
  const client = redis.client();
  const states = async (): Promise<readonly string[]> =>
    (
      await Promise.all(
        pools.map(async (pool) => {
          const keys = poolKeys(prefix, app, pool);
          const ids = await client.zrange(keys.runners, '0', '-1');
          return Promise.all(ids.map((id) => client.hget(keys.runner(id), 'state')));
        }),
      )
    )
      .flat()
      .map(String);
  return waitFor(async () => (await states()).filter((state) => state === 'ready').length === pools.length, {
    what: 'a ready runner of each pool',
    timeoutMs: 60_000,
    found: async () => [await states(), await client.hgetall(appKeys(prefix, app).intents)],
  });
};

test.each([
  ['autoscaler', ['SIGTERM']],
  ['dev --no-dashboard', ['SIGINT']],
  // As a package manager that stands between hands it on.
  ['dev --no-dashboard', ['SIGINT', 'SIGTERM']],
] as const)(
  'A-01: flame %s with two pools that each name local() ends after %s, and no process is left',
  PATIENCE,
  async (args, signals) => {
    await using redis = await startRedis();
    const brood = startBrood();
    await using command = await commandOf(brood, redis, args.split(' '));
    await ready(redis, ['one', 'two']);
    for (const signal of signals) {
      command.signal(signal);
      // Two at once are one where the first is not told yet.
      await delay(20);
    }
    expect((await settles(command.exited, SOON)).code).toBe(0);
    await expectNoLeftovers(brood);
  },
);

test.each([
  ['dev --port 0', ['one', 'two'], /stopped, but not in good order: .*Redis does not answer/],
  ['runner --pool one', ['one'], /runner ended/],
] as const)(
  'C-79: flame %s ends within shutdownTimeout and a second when Redis is gone, and says so',
  PATIENCE,
  async (args, pools, said) => {
    await using redis = await startRedis();
    const brood = startBrood();
    await using command = await commandOf(brood, redis, args.split(' '));
    await ready(redis, pools);
    await redis.kill9();
    command.signal('SIGTERM');
    expect((await settles(command.exited, SOON)).code).toBe(0);
    await command.waitForOutput(said);
    await expectNoLeftovers(brood);
  },
);

test('C-79: flame dashboard ends at once when Redis is gone', PATIENCE, async () => {
  await using redis = await startRedis();
  const brood = startBrood();
  await using command = await commandOf(brood, redis, ['dashboard', '--port', '0']);
  const [, url = ''] = await command.waitForOutput(/(http:\S+)/);
  expect((await fetch(new URL('/api/pools', url))).status).toBe(200);
  await redis.kill9();
  command.signal('SIGTERM');
  expect((await settles(command.exited, SOON)).code).toBe(0);
  await expectNoLeftovers(brood);
});

test('A-01: who asks a second time, a second later, means at once', async () => {
  const source = `
    const { untilStopped } = await import(${JSON.stringify(STOP_SIGNALS)});
    untilStopped().then((signal) => console.log('asked by ' + signal));
    setInterval(() => {}, 1_000);
    console.log('waits');`;
  await using waiting = await startSource(source);
  await waiting.waitForOutput(/waits/);
  waiting.signal('SIGINT');
  await waiting.waitForOutput(/asked by SIGINT/);
  await delay(1_100);
  waiting.signal('SIGINT');
  expect(await settles(waiting.exited, SOON)).toEqual({ code: 130, signal: null });
});
