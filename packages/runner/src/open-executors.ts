/**
 * A runner's executors, started before anything else: they load the application's modules while this process loads its
 * own libraries and connects to Redis.
 */
import type { AppConfig, PoolConfig } from '@flamejs/queue';
import { ownSecrets, redisUrl } from '@flamejs/queue/internal';
import type { Logger } from 'pino';
import { createExecutorPool, type ExecutorPool } from './executor/index.ts';
import { findModules } from './find-modules.ts';

export interface Executors {
  /**
   * Resolves when the first executor is ready.
   * @throws FlameBootError, FlameConfigError
   */
  readonly ready: Promise<ExecutorPool>;
  /** Whether no other runner would do better: what is to be loaded is not there, or throws. */
  readonly modulesFailed: boolean;
  /** Told how many executors have come up, now and whenever there are more. */
  onWidth(listener: (width: number) => void): void;
  /** Told when an executor is replaced for what a call has left in it. */
  onLeft(listener: (left: CallLeft) => void): void;
  /** Tells the calls that run that the runner takes no more. */
  drain(reason: string): void;
  /** Ends them, also those that are still to be started. */
  close(): Promise<void>;
}

export interface OpenExecutorsOptions {
  readonly runnerId: string;
  readonly logger: Logger;
  /** Told once for each variable that code of the application reads and is not given, beside the log: what to add. */
  readonly onMissedEnv?: ((advice: string) => void) | undefined;
}

export interface CallLeft {
  readonly functionName: string;
  /** The processes and ports, for people. */
  readonly what: string;
}

/** @returns the sentence of the event. */
export const leftBy = ({ functionName, what }: CallLeft): string => `a call of ${functionName} has left ${what}`;

export const slotsOf = (pool: PoolConfig): number => (pool.singleUse ? 1 : pool.maxConcurrency);

export const openExecutors = (
  config: AppConfig,
  pool: PoolConfig,
  { runnerId, logger, onMissedEnv }: OpenExecutorsOptions,
): Executors => {
  let width = 0;
  let tell: (width: number) => void = () => {};
  let tellLeft: (left: CallLeft) => void = () => {};
  let closed = false;
  let notFound = false;
  let executors: ExecutorPool | undefined;

  const open = async (): Promise<ExecutorPool> => {
    const modules = await findModules(pool.functions, config.root).catch((error: unknown) => {
      notFound = true;
      throw error;
    });
    executors = createExecutorPool({
      slots: slotsOf(pool),
      isolation: pool.isolation,
      spare: pool.singleUse ? 0 : 1,
      maxCallsPerExecutor: pool.maxCallsPerExecutor,
      modules,
      functions: pool.functions,
      root: config.root,
      release: config.releaseDerived ? config.release : undefined,
      env: { ...pool.env, ...redisFor(config, pool), FLAME_RUNNER_ID: runnerId, FLAME_POOL: pool.name },
      passEnv: pool.passEnv,
      secrets: ownSecrets(config, process.env, { redis: pool.passRedis !== true }),
      configFile: config.configFile,
      keep: pool.keep,
      onMissedEnv: (_, advice) => onMissedEnv?.(advice),
      memoryLimit: memoryLimitOf(pool.memoryLimit, process.env.FLAME_EXECUTOR_MEMORY),
      bootTimeoutMs: pool.bootTimeoutMs,
      logger,
      onLog: (line, stream) => logger.info({ stream }, line),
      onLeft: (left) => tellLeft(left),
      onWidth(more) {
        width = more;
        tell(width);
      },
    });
    // Closed in the meantime: starting rejects, and nothing is started that nobody would end.
    if (closed) await executors.close();
    await executors.start();
    return executors;
  };
  const ready = open();
  // Whoever waits for it hears of it; until then it must not count as unhandled.
  ready.catch(() => undefined);

  return {
    ready,
    get modulesFailed() {
      return notFound || (executors?.modulesFailed ?? false);
    },
    onWidth(listener) {
      tell = listener;
      listener(width);
    },
    onLeft(listener) {
      tellLeft = listener;
    },
    drain: (reason) => executors?.drain(reason),
    async close() {
      closed = true;
      await executors?.close();
    },
  };
};

/** What its processors connect by, where they may: under the name that applications give it. */
const redisFor = ({ redis }: AppConfig, { passRedis, env }: PoolConfig): Readonly<Record<string, string>> => {
  const url = env.REDIS_URL ?? process.env.REDIS_URL ?? redisUrl(redis);
  return passRedis === true && url !== undefined ? { REDIS_URL: url } : {};
};

/** @param granted what the machine has for each executor, bytes: the smaller of the two holds, so that ours acts before the kernel's */
const memoryLimitOf = (configured: number | undefined, granted: string | undefined): number | undefined => {
  const bytes = Number(granted);
  if (granted === undefined || !Number.isFinite(bytes) || bytes <= 0) return configured;
  return Math.min(configured ?? bytes, bytes);
};
