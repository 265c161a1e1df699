/** ioredis' options: each works, or is refused when the config is read. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { connect, disconnect, whenReady } from '@flamejs/protocol/connect';
import { expect, test } from 'vitest';
import { startRedis } from '../../../tests/support/redis.ts';
import { readRedis } from '../src/config/redis.ts';

const problemsOf = (redis: unknown, url?: string): readonly string[] =>
  readRedis(redis as never, url).problems.map(({ path, message }) => `${path}: ${message}`);

test.each([
  ['lazyConnect', { host: 'localhost', lazyConnect: true }, /^redis\.lazyConnect: .*first call.*leave it out/],
  ['keyPrefix', { keyPrefix: 'app:' }, /^redis\.keyPrefix: .*`prefix` of flame\.config/],
  ['commandTimeout', { commandTimeout: 5_000 }, /blocking reads.*`timeout`/],
  ['a replica', { role: 'slave' }, /needs the primary/],
  ['RESP3', { protocol: 3 }, /form of replies/],
  ['a typo', { pasword: 'x' }, /is no option that ioredis has here\..*password/],
  [
    'lazyConnect of a cluster',
    { cluster: ['redis://localhost:7'], options: { lazyConnect: true } },
    /^redis\.options\.lazyConnect/,
  ],
  [
    'keyPrefix of the nodes of a cluster',
    { cluster: ['redis://localhost:7'], options: { redisOptions: { keyPrefix: 'a' } } },
    /^redis\.options\.redisOptions\.keyPrefix/,
  ],
  [
    'replicas of a cluster',
    { cluster: ['redis://localhost:7'], options: { scaleReads: 'slave' } },
    /needs the primary/,
  ],
  ['an option in a URL', 'redis://localhost:6379?lazyConnect=true', /^redis\.lazyConnect/],
])('C-74: %s is refused with what to use', (_, redis, says) => {
  const problems = problemsOf(redis);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(says);
});

test('C-74: options stay checked when the environment names another address, and so is that address', () => {
  expect(problemsOf({ host: 'a', keyPrefix: 'x' }, 'redis://localhost:1')).toEqual([
    expect.stringMatching(/keyPrefix/),
  ]);
  expect(problemsOf(undefined, 'redis://localhost:1?keyPrefix=x')).toEqual([
    expect.stringMatching(/^FLAME_REDIS_URL\.keyPrefix/),
  ]);
});

test('C-74: values that change nothing are accepted, as programs for BullMQ have them', () => {
  const nothing = {
    lazyConnect: false,
    maxRetriesPerRequest: null,
    keyPrefix: '',
    readOnly: false,
    db: 2,
    protocol: 2,
  };
  expect(problemsOf(nothing)).toEqual([]);
});

test('C-74: every option that ioredis documents is decided', () => {
  const root = dirname(createRequire(import.meta.url).resolve('ioredis/package.json'));
  const namesIn = (file: string): string[] => {
    // The options of an interface or type stand at the first level.
    const text = readFileSync(join(root, 'built', file), 'utf8');
    return Array.from(text.matchAll(/^ {4}(\w+)\?:/gm), ([, name]) => String(name));
  };
  const single = [
    ...namesIn('redis/RedisOptions.d.ts'),
    ...namesIn('connectors/SentinelConnector/index.d.ts').filter((name) => name !== 'prio' && name !== 'flags'),
    'keyPrefix',
    'showFriendlyErrorStack',
  ];
  const cluster = namesIn('cluster/ClusterOptions.d.ts');
  expect(single.length + cluster.length).toBeGreaterThan(60);
  const undecided = (problems: readonly string[]): string[] => problems.filter((line) => line.includes('is no option'));
  const all = (names: readonly string[]): object => Object.fromEntries(names.map((name) => [name, {}]));
  expect(undecided(problemsOf(all(single.filter((name) => name !== 'sentinels'))))).toEqual([]);
  expect(
    undecided(problemsOf({ cluster: ['redis://localhost:7'], options: { ...all(cluster), redisOptions: {} } })),
  ).toEqual([]);
});

test('C-74: with the options that are left to the app, a connection works', async () => {
  const redis = await startRedis();
  const { hostname, port } = new URL(redis.url);
  const options = {
    ...{ host: hostname, port: Number(port), family: 4, db: 3, keepAlive: 2_000, noDelay: true, connectTimeout: 5_000 },
    ...{ disconnectTimeout: 1_000, enableReadyCheck: false, showFriendlyErrorStack: true, disableClientInfo: true },
  };
  expect(problemsOf(options)).toEqual([]);
  const client = connect(readRedis(options, undefined).config, 'producer', 'test');
  try {
    await whenReady(client, 5_000);
    await client.set('x', '1');
    expect(await client.get('x')).toBe('1');
    expect(client.options).toMatchObject({ keepAlive: 2_000 });
  } finally {
    disconnect(client);
    await redis.stop();
  }
});
