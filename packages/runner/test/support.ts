/** A stage for tests of runners: a Redis, a caller in this process, and real runner processes of the fixture app. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  connect,
  createHousekeeping,
  type Housekeeping,
  type PoolKeys,
  poolKeys,
  type RedisClient,
  whenReady,
} from '@flamejs/protocol';
import type { Flame } from '@flamejs/queue';
import type { Redis } from 'ioredis';
import { startNode, type TestProcess } from '../../../tests/support/processes.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from '../../../tests/support/redis.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';

export const POOL = 'main';
const APP = 'fixture';
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const FIXTURE = fileURLToPath(new URL('./fixtures/app/', import.meta.url));

/** The fixture's functions, as far as these tests call them. Their types are loose: they are plain JavaScript. */
export type Task = Parameters<Flame['call']>[0] & { with(options: Record<string, unknown>): Task };
export type Tasks = Readonly<Record<string, Task>>;

export interface RunnerProcess extends TestProcess {
  readonly runnerId: string;
  record(): Promise<Readonly<Record<string, string>>>;
  /** Waits for a state of its record. */
  reaches(state: string, timeoutMs?: number): Promise<void>;
}

export interface RunnerProcessOptions {
  readonly id?: string;
  /** Settings of the pool, beside the fixture's. */
  readonly pool?: Readonly<Record<string, unknown>>;
  /** Settings of the app. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly ipc?: boolean;
  /** Do not wait until it is ready. */
  readonly booting?: boolean;
}

export interface Stage {
  readonly redis: RedisServer;
  /** For looking at keys. */
  readonly client: Redis;
  readonly keys: PoolKeys;
  readonly flame: Flame;
  readonly tasks: Tasks;
  readonly housekeeping: Housekeeping;
  /** A folder for what functions leave behind. */
  readonly folder: string;
  startRunner(options?: RunnerProcessOptions): Promise<RunnerProcess>;
  call(task: Task | undefined, ...args: unknown[]): Promise<unknown>;
  cast(
    task: Task | undefined,
    ...args: unknown[]
  ): Promise<{ readonly id: string; result(): Promise<unknown>; cancel(reason?: string): Promise<unknown> }>;
  /** Events of the pool so far, as `type reason`. */
  events(): Promise<readonly { readonly type: string; readonly runnerId: string; readonly reason: string }[]>;
  /** Ends the runners and empties Redis. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export const startStage = async (redisOptions: RedisServerOptions = {}): Promise<Stage> => {
  const redis = await startRedis(redisOptions);
  process.env.FLAME_REDIS_URL = redis.url;
  process.env.FLAME_APP = APP;
  // From here on the fixture's modules see this Redis.
  const { flame } = (await import('../../../tests/fixtures/app/flame.mjs' as string)) as { flame: Flame };
  const tasks = (await import('../../../tests/fixtures/app/tasks.mjs' as string)) as Tasks;
  const keys = poolKeys('flame', APP, POOL);
  const client = redis.client();
  const steady: RedisClient = connect({ kind: 'single', url: redis.url, options: {} }, 'steady', 'stage');
  steady.on('error', () => undefined);
  await whenReady(steady, 10_000);
  const housekeeping = createHousekeeping(steady, keys, POOL);
  const folder = mkdtempSync(join(tmpdir(), 'flame-runner-test-'));
  const runners = new Set<RunnerProcess>();
  let count = 0;

  const startRunner = async (options: RunnerProcessOptions = {}): Promise<RunnerProcess> => {
    count += 1;
    const runnerId = options.id ?? `r${count}`;
    const settings = { min: 0, max: 2, maxConcurrency: 2, timeout: '20s', shutdownTimeout: '10s', ...options.pool };
    const started = await startNode(MAIN, {
      cwd: FIXTURE,
      ipc: options.ipc ?? false,
      env: {
        FLAME_POOL: POOL,
        FLAME_RUNNER_ID: runnerId,
        FLAME_LOG_LEVEL: 'debug',
        FLAME_TEST_POOLS: JSON.stringify({ [POOL]: settings }),
        FLAME_TEST_SETTINGS: JSON.stringify(options.settings ?? {}),
        ...options.env,
      },
    });
    const record = (): Promise<Record<string, string>> => client.hgetall(keys.runner(runnerId));
    const runner: RunnerProcess = {
      ...started,
      alive: () => started.alive(),
      runnerId,
      record,
      reaches: async (state, timeoutMs = 30_000) => {
        await waitFor(async () => (await record()).state === state, {
          what: `runner ${runnerId} to be ${state}`,
          timeoutMs,
          everyMs: 50,
          found: async () => [await record(), started.output().slice(-2_000)],
        });
      },
    };
    runners.add(runner);
    if (options.booting !== true) await runner.reaches('ready');
    return runner;
  };

  return {
    redis,
    client,
    keys,
    flame,
    tasks,
    housekeeping,
    folder,
    startRunner,
    call: (task, ...args) => (flame.call as (...all: unknown[]) => Promise<unknown>)(known(task), ...args),
    cast: (task, ...args) => (flame.cast as (...all: unknown[]) => Promise<never>)(known(task), ...args),
    async events() {
      const entries = await client.xrange(keys.events, '-', '+');
      return entries.map(([, fields]) => {
        const value = (name: string): string => fields[fields.indexOf(name) + 1] ?? '';
        return { type: value('type'), runnerId: value('runnerId'), reason: value('reason') };
      });
    },
    async reset() {
      await Promise.all([...runners].map((runner) => runner.kill9()));
      runners.clear();
      await client.flushall();
    },
    async stop() {
      await Promise.all([...runners].map((runner) => runner.stop()));
      await flame.close();
      steady.disconnect();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const known = (task: Task | undefined): Task => {
  if (task === undefined) throw new Error('the fixture has no such function');
  return task;
};

/** What the functions of the fixture wrote into a file, line by line. */
export const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');
