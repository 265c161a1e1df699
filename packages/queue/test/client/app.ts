/** An app of the facade over a real Redis, served by a worker in this process: enough to test the caller's side. */

import { setTimeout as sleep } from 'node:timers/promises';
import { packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { connect, type RedisClient, whenReady } from '@flamejs/protocol/connect';
import type { Envelope } from '@flamejs/protocol/envelope';
import { poolKeys } from '@flamejs/protocol/keys';
import type { TakenCall, Verdict } from '@flamejs/protocol/store/call-store';
import { createRedisStore } from '@flamejs/protocol/store/redis-store';
import { pino } from 'pino';
import { type RedisServer, startRedis } from '../../../../tests/support/redis.ts';
import { createFlame, type Flame } from '../../src/client/index.ts';
import type { AppConfig, PoolConfig } from '../../src/config/types.ts';
import { executeFunction } from '../../src/execute.ts';

export const keys = poolKeys('flame', 'shop', 'images');

const pool = (changes: Partial<PoolConfig>): PoolConfig => ({
  name: 'images',
  min: 0,
  max: 10,
  maxConcurrency: 1,
  singleUse: false,
  maxCallsPerExecutor: undefined,
  timeoutMs: 30_000,
  bootTimeoutMs: 30_000,
  shutdownTimeoutMs: 30_000,
  idleShutdownAfterMs: 30_000,
  idleUnless: undefined,
  scaleDownWindowMs: 30_000,
  isolation: 'process',
  memoryLimit: undefined,
  killGraceMs: 1_000,
  releasePolicy: 'compatible',
  functions: [],
  payloadLimit: 16 * 1024 * 1024,
  streamWindow: 4 * 1024 * 1024,
  streamRetention: 1024 * 1024,
  readTimeoutMs: 300_000,
  idleTimeoutMs: 60_000,
  maxPending: 100_000,
  limits: {},
  callAccess: 'own',
  env: {},
  passEnv: [],
  keep: [],
  backend: undefined,
  policy: undefined,
  buffer: 0,
  price: undefined,
  hooks: {},
  heartbeatTimeoutMs: 60_000,
  failsafeTimeoutMs: 60_000,
  ...changes,
});

export const appConfig = (url: string, changes: Partial<PoolConfig> = {}, app: Partial<AppConfig> = {}): AppConfig => ({
  app: 'shop',
  prefix: 'flame',
  redis: { kind: 'single', url, options: {} },
  connectTimeoutMs: 5_000,
  functions: [],
  root: process.cwd(),
  configFile: undefined,
  release: 'test',
  telemetry: undefined,
  alerts: undefined,
  signingKey: undefined,
  encryptionKeys: [],
  payload: [],
  heartbeatTimeoutMs: undefined,
  failsafeTimeoutMs: undefined,
  quota: undefined,
  maxCallDepth: 32,
  maxLoopRate: 10,
  signatureTtlMs: 30 * 86_400_000,
  requireSignedTime: false,
  allowEviction: false,
  allowInsecureRedis: false,
  pools: { images: pool(changes) },
  ...app,
});

export interface App {
  readonly redis: RedisServer;
  readonly config: AppConfig;
  readonly flame: Flame;
  readonly client: RedisClient;
  /** Another process's view of the app: a flame object of its own, closed with the app. */
  other(): Flame;
  /** Starts serving calls. */
  serve(concurrency?: number): void;
  stop(): Promise<void>;
}

export const startApp = async (changes: Partial<PoolConfig> = {}, app: Partial<AppConfig> = {}): Promise<App> => {
  const redis = await startRedis();
  const config = appConfig(redis.url, changes, app);
  const flames = [createFlame(config, { logger: pino({ level: 'silent' }) })];
  const client = connect(config.redis, 'steady', 'test');
  client.on('error', () => undefined);
  await whenReady(client, 5_000);
  const runners: (() => Promise<void>)[] = [];
  return {
    redis,
    config,
    flame: flames[0] as Flame,
    client,
    other() {
      const flame = createFlame(config, { logger: pino({ level: 'silent' }) });
      flames.push(flame);
      return flame;
    },
    serve(concurrency = 10) {
      runners.push(thinRunner(client, concurrency));
    },
    async stop() {
      for (const flame of flames) await flame.close();
      client.disconnect();
      for (const end of runners) await end();
      await redis.stop();
    },
  };
};

const slot = { runnerId: 'thin', release: 'test' };

/** Takes calls and runs them here. @returns what ends it */
const thinRunner = (client: RedisClient, concurrency: number): (() => Promise<void>) => {
  const store = createRedisStore(client, keys);
  let free = concurrency;
  let ended = false;
  const run = async (call: TakenCall): Promise<void> => {
    const verdict = await verdictOf(client, call);
    await store.settle(slot, [verdict], [false]);
  };
  const loop = async (): Promise<void> => {
    while (!ended) {
      const { calls } = free > 0 ? await store.take(slot, { plain: free, offer: [], offered: [] }) : { calls: [] };
      for (const call of calls) {
        free -= 1;
        // A server that was killed under it: the lock of the call runs out.
        void run(call)
          .catch(() => undefined)
          .finally(() => {
            free += 1;
          });
      }
      await sleep(calls.length > 0 ? 0 : 5);
    }
  };
  const running = (async () => {
    while (!ended) await loop().catch(() => sleep(50));
  })();
  return async () => {
    ended = true;
    await running;
  };
};

const verdictOf = async (client: RedisClient, { callId, attempt, data, pickUp }: TakenCall): Promise<Verdict> => {
  const envelope = JSON.parse(data) as Envelope;
  const payload =
    envelope.args === null
      ? unpackPayload((await client.getBuffer(keys.args(callId))) as Buffer)
      : { json: envelope.args, parts: [] };
  const context = {
    callId,
    functionName: envelope.fn,
    pool: 'images',
    attempt: 1,
    runnerLosses: 0,
    resumeFrom: 0,
    deadline: undefined,
    signal: new AbortController().signal,
    draining: new AbortController().signal,
    isInline: false,
    progress: () => undefined,
    ready: () => undefined,
    log: () => undefined,
  };
  const result = await executeFunction({
    payload,
    functionName: envelope.fn,
    context,
    payloadLimit: 16 * 1024 * 1024,
  });
  const body = packPayload(result.payload);
  const message = result.ok ? '' : result.errorMessage;
  const head = {
    ok: result.ok,
    kind: result.ok ? 'value' : result.errorName,
    message,
    attempts: 1,
    runnerLosses: 0,
    runnerId: 'thin',
    startedAt: 0,
    size: body.length,
  };
  const generation = pickUp?.generation ?? 1;
  return { callId, attempt, generation, kind: 'settle', outcome: { head, body }, reason: message };
};
