/** How the commands that run until they are told to stop end: all of them in time, with nothing left, also without Redis. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { appKeys, poolKeys } from '@flamejs/protocol';
import { parseConfig } from '@flamejs/queue/internal';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Brood, expectNoLeftovers, startBrood } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { startFlame } from './flame.ts';

const PATIENCE = { timeout: 180_000 };
/** Inside the repository, so that the application finds its packages. */
const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
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
  ['autoscaler', 'SIGTERM'],
  ['dev --no-dashboard', 'SIGINT'],
] as const)(
  'A-01: flame %s with two pools that each name local() ends after %s, and no process is left',
  PATIENCE,
  async (args, signal) => {
    await using redis = await startRedis();
    const brood = startBrood();
    await using command = await commandOf(brood, redis, args.split(' '));
    await ready(redis, ['one', 'two']);
    command.signal(signal);
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
