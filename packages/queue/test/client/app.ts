/** An app of the facade over a real Redis, served by a worker in this process: enough to test the caller's side. */

import type { CallBackend } from '@flamejs/protocol/call-backend';
import { callBackendFactory } from '@flamejs/protocol/call-backend-factory';
import { packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { connect, type RedisClient, whenReady } from '@flamejs/protocol/connect';
import type { Envelope } from '@flamejs/protocol/envelope';
import { poolKeys } from '@flamejs/protocol/keys';
import { UnrecoverableError, Worker } from 'bullmq';
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
  maxPending: 100_000,
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
  const workers: { worker: Worker; blocking: RedisClient }[] = [];
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
      const blocking = connect(config.redis, 'steady', 'test:worker');
      blocking.on('error', () => undefined);
      workers.push({ worker: thinRunner(client, blocking, concurrency), blocking });
    },
    async stop() {
      for (const flame of flames) await flame.close();
      for (const { worker, blocking } of workers) {
        await worker.close(true);
        blocking.disconnect();
      }
      client.disconnect();
      await redis.stop();
    },
  };
};

const thinRunner = (client: RedisClient, blocking: RedisClient, concurrency: number): Worker => {
  let backend: CallBackend | undefined;
  const worker = new Worker(
    'images',
    async (job) => {
      const id = String(job.id);
      const pickUp = backend?.takePickUp(id, job.attemptsStarted);
      const envelope = job.data as Envelope;
      const payload =
        envelope.args === null
          ? unpackPayload((await client.getBuffer(keys.args(id))) as Buffer)
          : { json: envelope.args, parts: [] };
      const context = {
        callId: id,
        functionName: envelope.fn,
        pool: 'images',
        attempt: 1,
        runnerLosses: 0,
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
      backend?.decide(id, {
        attempt: job.attemptsStarted,
        generation: pickUp?.generation ?? 1,
        outcome: { head, body },
      });
      if (!result.ok) throw new UnrecoverableError(message);
      return null;
    },
    {
      connection: {},
      prefix: keys.base,
      name: 'thin',
      concurrency,
      lockDuration: 5_000,
      removeOnComplete: { count: 1000 },
    },
    ((name: string, opts: { prefix?: string }) => {
      backend = callBackendFactory({ client, blocking })(name, opts);
      return backend;
    }) as never,
  );
  worker.on('error', () => undefined);
  return worker;
};
