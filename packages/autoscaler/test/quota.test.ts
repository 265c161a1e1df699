import { appKeys, poolKeys } from '@flamejs/protocol';
import { parseConfig } from '@flamejs/queue/internal';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startRedis } from '../../../tests/support/redis.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createAutoscaler } from '../src/autoscaler.ts';
import { local } from '../src/backends/local.ts';
import { FIXTURE } from './support/app.ts';

test('I1 the quota bounds the machines of all pools together, and a pool that is held up by it says so', async () => {
  await using redis = await startRedis();
  const client = redis.client();
  const app = `quota${process.pid}`;
  const logger = pino({ level: 'silent' });
  const pool = { backend: local({ command: FIXTURE, logger }), max: 3, maxConcurrency: 5, env: { FIXTURE: '{}' } };
  const input = { app, redis: redis.url, functions: [], release: 'r1', quota: 4, pools: { one: pool, two: pool } };
  const config = parseConfig(input, { root: process.cwd(), configFile: undefined, env: {} });
  const keys = appKeys(config.prefix, app);
  for (const name of ['one', 'two'])
    await client.lpush(
      `${poolKeys(config.prefix, app, name).queue}wait`,
      ...Array.from({ length: 50 }, (_, i) => `c${i}`),
    );
  await using autoscaler = createAutoscaler(config, { logger });
  let most = 0;
  const count = async (): Promise<number> => {
    const now = await client.hlen(keys.intents);
    most = Math.max(most, now);
    return now;
  };
  await autoscaler.start();
  await waitFor(async () => (await count()) === 4, { what: 'four runners' });
  const blocked = () => Object.values(autoscaler.status().pools).map((status) => status.blocked ?? '');
  await waitFor(() => blocked().includes('the quota of the app is used up'), { what: 'a reason', found: blocked });
  const until = performance.now() + 1_500;
  await waitFor(async () => (await count()) > 4 || performance.now() > until, { what: 'some more ticks' });
  expect(most).toBe(4);
});
