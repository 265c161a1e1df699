/** The caller's connection in the moment in which it breaks. */
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../../../../tests/support/redis.ts';
import { createLink } from '../../src/client/link.ts';
import { appConfig } from './app.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** As a reset does: the client still believes that it is ready, and its socket takes nothing any more. */
const breakNow = (client: Redis): void => {
  expect(client.status).toBe('ready');
  (client as unknown as { stream: { destroy(): void } }).stream.destroy();
};

test('R-18 what was not sent, because the connection broke just then, is sent by the next one', async () => {
  const link = createLink(appConfig(redis.url), pino({ level: 'silent' }));
  try {
    const client = (await link.client()) as Redis;
    let sent = 0;
    breakNow(client);
    const reply = await link.whileUnsent((now) => {
      sent += 1;
      return now.incr('once');
    });
    expect(reply).toBe(1);
    expect(sent).toBeGreaterThan(1);
  } finally {
    link.close();
  }
});

test('R-18 what may have been sent is not sent again: its error goes to whoever asked', async () => {
  const link = createLink(appConfig(redis.url), pino({ level: 'silent' }));
  try {
    await link.client();
    let sent = 0;
    const failing = link.whileUnsent(async () => {
      sent += 1;
      throw new Error('Connection is closed.');
    });
    await expect(failing).rejects.toThrow('Connection is closed.');
    expect(sent).toBe(1);
  } finally {
    link.close();
  }
});
