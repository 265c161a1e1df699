/**
 * A fleet for system tests: a private Redis, real runner processes of the fixture app, and flame objects as callers in
 * this process. What is started here is ended with the fleet, whatever the test did to it.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type AutoscalerDeps, createAutoscaler } from '@flamejs/autoscaler';
import { type PoolKeys, parseRunnerRecord, poolKeys, type RunnerRecord } from '@flamejs/protocol';
import { type AppConfig, createFlame, type Flame } from '@flamejs/queue';
import { type ConfigInput, parseConfig } from '@flamejs/queue/internal';
import type { Cluster, Redis } from 'ioredis';
import { pino } from 'pino';
import { startNode, type TestProcess } from './processes.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { waitFor } from './wait-for.ts';

export const APP_FOLDER = fileURLToPath(new URL('../fixtures/app/', import.meta.url));
const CONFIG_FILE = `${APP_FOLDER}flame.config.mjs`;
const RUNNER_MAIN = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));

/** The fixture's functions; their pools are names, so every fleet's flame object can call them. */
// biome-ignore lint/suspicious/noExplicitAny: the fixture app is plain JavaScript
export const tasks: any = await import('../fixtures/app/tasks.mjs' as string);

type Pools = ConfigInput['pools'];
const quiet = pino({ level: 'silent' });

/** Servers that a test has started by itself: a cluster, a fail-over group, one with TLS. */
export interface Servers {
  /** How the app names them. */
  readonly input: NonNullable<ConfigInput['redis']>;
  /** The test's own connection, with every right. */
  readonly client: Redis | Cluster;
  /** Ended with the fleet. */
  stop(): Promise<void>;
}

export interface FleetOptions {
  /** The pools of the config; durations and bounds as users write them. JSON only, for runners read them too. */
  readonly pools?: Pools;
  readonly app?: Partial<Omit<ConfigInput, 'app' | 'pools' | 'redis'>>;
  readonly redis?: Parameters<typeof startRedis>[0];
  /** In the place of the private server. */
  readonly servers?: Servers;
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunnerProcess {
  readonly runnerId: string;
  readonly process: TestProcess;
  /** The runner's own record; `undefined` before it has registered. */
  record(): Promise<RunnerRecord | undefined>;
  ready(): Promise<void>;
}

export interface Fleet {
  /** The private server. @throws Error when the test has brought servers of its own */
  readonly redis: RedisServer;
  readonly client: Redis;
  readonly config: AppConfig;
  readonly flame: Flame;
  keys(pool?: string): PoolKeys;
  /** Another caller, as another process would have it; through another address of the same Redis when one is given. */
  caller(url?: string): Flame;
  /** Starts a runner process and waits until it is ready. */
  runner(pool?: string, env?: Readonly<Record<string, string>>): Promise<RunnerProcess>;
  /** Starts an embedded autoscaler. */
  autoscaler(deps?: AutoscalerDeps, config?: Partial<AppConfig>): Promise<ReturnType<typeof createAutoscaler>>;
  /** Every runner process that was started here, those that have ended included. */
  readonly started: readonly RunnerProcess[];
  /** Records of the runners that are in the index now. */
  runners(pool?: string): Promise<readonly RunnerRecord[]>;
  /** Environment of a process that belongs to this app. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const startFleet = async (options: FleetOptions = {}): Promise<Fleet> => {
  const pools: Pools = options.pools ?? { main: { max: 4, maxConcurrency: 2 } };
  const own = options.servers === undefined ? await startRedis(options.redis) : undefined;
  const servers: Servers = options.servers ?? privately(own);
  const app = `t${randomBytes(4).toString('hex')}`;
  const env: Readonly<Record<string, string>> = {
    FLAME_APP: app,
    FLAME_CONFIG: CONFIG_FILE,
    ...(typeof servers.input === 'string'
      ? { FLAME_REDIS_URL: servers.input }
      : { FLAME_TEST_REDIS: JSON.stringify(servers.input) }),
    FLAME_TEST_POOLS: JSON.stringify(pools),
    // Most tests have no autoscaler, without whose heartbeats a runner ends after a minute: on a slow machine in their middle.
    FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h' }),
    ...options.env,
  };
  const input: ConfigInput = { ...options.app, app, redis: servers.input, functions: ['./tasks.mjs'], pools };
  const config = parseConfig(input, { root: APP_FOLDER, configFile: CONFIG_FILE, env: { FLAME_RELEASE: 'test' } });
  const flames: Flame[] = [];
  const runners: RunnerProcess[] = [];
  const autoscalers: ReturnType<typeof createAutoscaler>[] = [];
  const client = servers.client as Redis;
  const keys = (pool = 'main'): PoolKeys => poolKeys(config.prefix, app, pool);

  const recordOf = async (pool: string, runnerId: string): Promise<RunnerRecord | undefined> => {
    const hash = await client.hgetall(keys(pool).runner(runnerId));
    return hash.state === undefined ? undefined : parseRunnerRecord(pool, runnerId, hash);
  };

  const caller = (url?: string): Flame => {
    const redis: AppConfig['redis'] = url === undefined ? config.redis : { kind: 'single', url, options: {} };
    const flame = createFlame({ ...config, redis }, { logger: quiet });
    flames.push(flame);
    return flame;
  };

  const stop = async (): Promise<void> => {
    for (const flame of flames) await flame.close();
    await Promise.all(autoscalers.map((autoscaler) => autoscaler.stop({ timeoutMs: 1 })));
    await Promise.all(runners.map(({ process }) => (process.alive() ? process.kill9() : undefined)));
    await servers.stop();
  };

  return {
    get redis() {
      if (own === undefined) throw new Error('this fleet has no private server: its test has brought others');
      return own;
    },
    client,
    config,
    env,
    keys,
    flame: caller(),
    caller,
    started: runners,
    async runner(pool = 'main', more = {}) {
      const runnerId = `${pool}-${randomBytes(4).toString('hex')}`;
      const process = await startNode(RUNNER_MAIN, {
        cwd: APP_FOLDER,
        env: { ...env, FLAME_POOL: pool, FLAME_RUNNER_ID: runnerId, FLAME_RELEASE: 'test', ...more },
      });
      const runner: RunnerProcess = {
        runnerId,
        process,
        record: () => recordOf(pool, runnerId),
        async ready() {
          await waitFor(async () => (await recordOf(pool, runnerId))?.state === 'ready', {
            what: `runner ${runnerId} to be ready`,
            timeoutMs: 60_000,
            found: () => process.output().slice(-4_000),
          });
        },
      };
      runners.push(runner);
      await runner.ready();
      return runner;
    },
    async autoscaler(deps = {}, changes = {}) {
      // Children inherit this process's environment; the fixture's config is told apart by it.
      const pooled = Object.fromEntries(
        Object.entries(config.pools).map(([name, pool]) => [name, { ...pool, env: { ...env, ...pool.env } }]),
      );
      const autoscaler = createAutoscaler({ ...config, pools: pooled, ...changes }, { logger: quiet, ...deps });
      autoscalers.push(autoscaler);
      await autoscaler.start();
      return autoscaler;
    },
    async runners(pool = 'main') {
      const ids = await client.zrange(keys(pool).runners, '0', '-1');
      const records = await Promise.all(ids.map((id) => recordOf(pool, id)));
      return records.filter((record) => record !== undefined);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
};

const privately = (server: RedisServer | undefined): Servers => {
  if (server === undefined) throw new Error('there is no server');
  return { input: server.url, client: server.client(), stop: () => server.stop() };
};
