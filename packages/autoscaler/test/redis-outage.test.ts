import { appKeys } from '@flamejs/protocol';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createAutoscaler } from '../src/autoscaler.ts';
import { startApp } from './support/app.ts';

test('P23 Redis frozen longer than a heartbeat is long: nobody is lost or launched, and the loop goes on afterwards', async () => {
  await using app = await startApp({ min: 2, max: 3, idleShutdownAfter: '1m' });
  await app.autoscaler.start();
  await app.waitForReady(2);
  const before = (await app.intents()).map(({ runnerId }) => runnerId).sort();
  app.redis.freeze();
  await new Promise<void>((resolve) => setTimeout(resolve, 12_000)); // the outage itself is what is tested
  app.redis.thaw();
  await app.enqueue(12);
  await app.waitForReady(3, 20_000);
  const after = (await app.intents()).map(({ runnerId }) => runnerId);
  for (const runnerId of before) expect(after).toContain(runnerId);
  expect((await app.events()).map(({ type }) => type)).not.toContain('runner.lost');
});

test('the autoscaler says so when Redis cannot be reached at its start', async () => {
  await using app = await startApp();
  const config = {
    ...app.config,
    connectTimeoutMs: 300,
    redis: { kind: 'single', url: 'redis://127.0.0.1:1', options: {} },
  } as const;
  const autoscaler = createAutoscaler(config, { logger: pino({ level: 'silent' }) });
  await expect(autoscaler.start()).rejects.toMatchObject({ code: 'FLAME_ERR_UNAVAILABLE', enqueued: 'no' });
  await autoscaler.stop();
});

test('its heartbeat moves at each tick, which runners watch, and stops with it', async () => {
  await using app = await startApp({ max: 1 });
  const key = appKeys(app.config.prefix, app.config.app).heartbeat;
  await app.autoscaler.start();
  const first = await waitFor(() => app.client.get(key), { what: 'a heartbeat' });
  await waitFor(async () => Number(await app.client.get(key)) > Number(first), { what: 'the next one' });
  const [seconds] = await app.client.time();
  expect(Math.abs(Number(await app.client.get(key)) / 1000 - Number(seconds))).toBeLessThan(5);
  await app.autoscaler.stop();
  await expect(app.autoscaler.start()).rejects.toMatchObject({ code: 'FLAME_ERR_CLOSED' });
});
