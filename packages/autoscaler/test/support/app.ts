/** An app for tests: its config, an autoscaler with the fixture runner, and hands on what Redis holds. */
import { fileURLToPath } from 'node:url';
import { appKeys, poolKeys } from '@flamejs/protocol';
import { parseConfig } from '@flamejs/queue/internal';
import { pino } from 'pino';
import { startRedis } from '../../../../tests/support/redis.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createAutoscaler } from '../../src/autoscaler.ts';
import { local } from '../../src/backends/local.ts';
import { decodeIntent, type IntentRecord } from '../../src/record/intent.ts';

export const FIXTURE = fileURLToPath(new URL('../fixtures/runner.mjs', import.meta.url));

export interface PoolSetup {
  readonly fixture?: Readonly<Record<string, unknown>>;
  readonly [option: string]: unknown;
}

let apps = 0;

/** One pool named `work` on local fixture processes; every option of the pool can be given. */
export const startApp = async (setup: PoolSetup = {}) => {
  const { fixture = {}, ...pool } = setup;
  const redis = await startRedis();
  const client = redis.client();
  apps += 1;
  const app = `t${process.pid}x${apps}`;
  const logger = pino({ level: process.env.LOG_LEVEL ?? 'silent' });
  const backend = local({ command: FIXTURE, logger, killAfterMs: 500 });
  const input = {
    app,
    redis: redis.url,
    functions: [],
    release: 'r1',
    pools: { work: { backend, maxConcurrency: 5, env: { FIXTURE: JSON.stringify(fixture) }, ...pool } },
  };
  const config = parseConfig(input as never, { root: process.cwd(), configFile: undefined, env: {} });
  const keys = poolKeys(config.prefix, app, 'work');
  const kick = () => client.publish(appKeys(config.prefix, app).kick, 'work');
  const autoscaler = createAutoscaler(config, { logger });

  const intents = async (): Promise<readonly IntentRecord[]> =>
    (await client.hvals(appKeys(config.prefix, app).intents)).flatMap((text) => decodeIntent(text) ?? []);
  const events = async () =>
    (await client.xrange(keys.events, '-', '+')).map(([, flat]) => {
      const fields: Record<string, string> = {};
      for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] ?? ''] = flat[i + 1] ?? '';
      return fields;
    });
  const ready = async (): Promise<readonly IntentRecord[]> =>
    (await intents()).filter(({ state }) => state === 'ready');

  return {
    config,
    keys,
    client,
    redis,
    backend,
    autoscaler,
    kick,
    intents,
    events,
    ready,
    /** Puts calls into the queue that nobody executes, and kicks as a caller does. */
    async enqueue(count: number) {
      await client.lpush(`${keys.queue}wait`, ...Array.from({ length: count }, (_, i) => `c${i}`));
      await kick();
    },
    clearQueue: () => client.del(`${keys.queue}wait`),
    waitForReady: (count: number, timeoutMs = 15_000) =>
      waitFor(async () => (await ready()).length === count && (await intents()).length === count, {
        what: `${count} ready runners`,
        timeoutMs,
        found: async () => (await intents()).map(({ state, reason }) => `${state}: ${reason}`),
      }),
    async stop() {
      await autoscaler.stop();
      await redis.stop();
    },
    async [Symbol.asyncDispose]() {
      await this.stop();
    },
  };
};

export type TestApp = Awaited<ReturnType<typeof startApp>>;
