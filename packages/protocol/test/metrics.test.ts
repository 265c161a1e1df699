/** Counting: once, within bounds, and under the names that the documentation has. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../../../tests/support/redis.ts';
import { connect, disconnect, type RedisClient, whenReady } from '../src/connect.ts';
import { type PoolKeys, poolKeys } from '../src/keys.ts';
import { bucketOf } from '../src/metrics/buckets.ts';
import { METRICS } from '../src/metrics/catalog.ts';
import { createExposition } from '../src/metrics/exposition.ts';
import { readPoolNumbers } from '../src/metrics/pool-numbers.ts';
import { createTally, type Tally } from '../src/metrics/tally.ts';

let redis: RedisServer;
let client: RedisClient;
beforeAll(async () => {
  redis = await startRedis();
  client = connect({ kind: 'single', url: redis.url, options: {} }, 'steady', 'metrics-test');
  client.on('error', () => undefined);
  await whenReady(client, 10_000);
});
afterAll(async () => {
  disconnect(client);
  await redis.stop();
});

let count = 0;
const fresh = (): { readonly keys: PoolKeys; readonly tally: Tally } => {
  count += 1;
  const keys = poolKeys('flame', 'metrics', `p${count}`);
  return { keys, tally: createTally(client, keys, 'r1', () => undefined) };
};

test('the table in docs/metrics-and-traces.md is the catalogue', () => {
  const page = readFileSync(new URL('../../../docs/metrics-and-traces.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `flame_'));
  expect(rows).toEqual(
    Object.entries(METRICS).map(([name, { type, labels, help }]) => {
      const texts = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${texts || '–'} | ${help} |`;
    }),
  );
});

test('a batch whose answer is lost is sent again, and counted once', async () => {
  const { keys } = fresh();
  let lost = 0;
  // Redis has run the script, and its answer does not arrive.
  const flaky = new Proxy(client, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (name !== 'flameCount') return typeof value === 'function' ? value.bind(target) : value;
      return async (...args: unknown[]) => {
        const reply = await (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
        lost += 1;
        if (lost === 1) throw new Error('Connection is closed.');
        return reply;
      };
    },
  });
  const tally = createTally(flaky, keys, 'r1', () => undefined);
  tally.count('f', 'begun');
  tally.observe('f', 'r', 30);
  expect(await tally.flush(false)).toBe(false);
  tally.count('f', 'begun');
  expect(await tally.flush(false)).toBe(true);
  const { functions, all } = await readPoolNumbers(client, keys);
  expect(functions.get('f')?.of('begun')).toBe(2);
  expect(all.of('begun')).toBe(2);
  expect(all.of(`r${bucketOf(30)}`)).toBe(1);
  expect(all.of('rsum')).toBe(30);
});

test('the hundred and first function is counted with the others, until one has not been called for a day', async () => {
  const { keys, tally } = fresh();
  for (let i = 0; i < 120; i += 1) tally.count(`f${i}`, 'begun');
  await tally.flush(false);
  const first = await readPoolNumbers(client, keys);
  expect(first.functions.size).toBe(101);
  expect(first.functions.get('(other)')?.of('begun')).toBe(20);
  expect(first.all.of('begun')).toBe(120);
  const [oldest = ''] = [...first.functions.keys()].filter((name) => name !== '(other)');
  await client.zincrby(keys.metrics, -90_000_000, oldest);
  tally.count('newcomer', 'begun');
  await tally.flush(false);
  const then = await readPoolNumbers(client, keys);
  expect(then.functions.get('newcomer')?.of('begun')).toBe(1);
  expect(then.functions.has(oldest)).toBe(false);
  expect(await client.exists(keys.metricsOf(oldest))).toBe(0);
});

test('machine time waits until the price of the machine is known, and is counted without one when nobody will say it', async () => {
  const { keys, tally } = fresh();
  await client.hset(`${keys.queue}c1`, 'name', 'f');
  tally.share('f', 3_600_000);
  tally.callShare('c1', 1_800_000);
  tally.callShare('removed', 5_000);
  await tally.flush(false);
  expect((await readPoolNumbers(client, keys)).all.of('ms')).toBe(0);
  await client.hset(keys.machines, 'r1', JSON.stringify({ price: 2e9 }));
  await tally.flush(false);
  const { all } = await readPoolNumbers(client, keys);
  expect([all.of('ms'), all.of('nano'), all.of('unpriced')]).toEqual([3_600_000, 2e9, 0]);
  expect(await client.hmget(`${keys.queue}c1`, 'f:ms', 'f:nano')).toEqual(['1800000', '1000000000']);
  expect(await client.exists(`${keys.queue}removed`)).toBe(0);
  await client.del(keys.machines);
  tally.share('f', 1_000);
  await tally.flush(true);
  expect((await readPoolNumbers(client, keys)).all.of('unpriced')).toBe(1_000);
});

test('a damaged field, and a function with a strange name, spoil nothing', async () => {
  const { keys, tally } = fresh();
  await client.hset(keys.metricsOf('f'), 'begun', 'many');
  for (const name of ['f', '__proto__', 'a"b\\c\nd']) tally.count(name, 'begun');
  await tally.flush(false);
  const { functions } = await readPoolNumbers(client, keys);
  expect([...functions].map(([name, { of }]) => [name, of('begun')]).sort()).toEqual([
    ['__proto__', 1],
    ['a"b\\c\nd', 1],
    ['f', 1],
  ]);
  const out = createExposition();
  out.add('flame_calls_begun_total', { pool: 'p', function: 'a"b\\c\nd' }, 1);
  expect(out.text()).toContain('flame_calls_begun_total{pool="p",function="a\\"b\\\\c\\nd"} 1\n');
});
