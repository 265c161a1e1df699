/** Options of `flame.worker`: those that are BullMQ's business go to its Worker in the runner, the others have their place in flame.config. */
import { type ConfigProblem, configError } from '@flamejs/protocol/errors/input-errors';
import type { WorkerOptions } from './types.ts';

/** What BullMQ's Worker gets; data only, for it travels from the executor, which knows the code, to the runner. */
export type BullmqOptions = Omit<WorkerOptions, 'prefix' | 'settings'>;

const TAKEN: Readonly<Record<keyof WorkerOptions, true>> = {
  prefix: true,
  limiter: true,
  removeOnComplete: true,
  removeOnFail: true,
  lockDuration: true,
  stalledInterval: true,
  maxStalledCount: true,
  maxStartedAttempts: true,
  maximumRateLimitDelay: true,
  metrics: true,
  settings: true,
};

/** Where what an option of BullMQ's said is said now. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  connection: 'leave it out: runners go by `redis` of flame.config',
  concurrency: "leave it out: it is the pool's `maxConcurrency` in flame.config",
  autorun: 'leave it out: runners process jobs whenever there are any; pause the queue to keep them from it',
  useWorkerThreads: "leave it out: it is the pool's `isolation: 'thread'`",
  workerForkOptions: 'leave it out: what processes get is said by `env` and `passEnv` of the pool',
  workerThreadsOptions: 'leave it out: what processes get is said by `env` and `passEnv` of the pool',
  name: 'leave it out: runners have names of their own',
  telemetry: 'leave it out: `telemetry` of flame.config traces calls, and there is nothing of the kind for jobs yet',
  lockRenewTime: 'leave it out: locks are renewed each quarter of `lockDuration`, by a thread that runs no processor',
};

/** @throws FlameConfigError that names every option that is not taken, with where it belongs */
export const readWorkerOptions = (queue: string, options: WorkerOptions): BullmqOptions => {
  const problems: ConfigProblem[] = Object.entries(options).flatMap(([path, value]) =>
    value === undefined || Object.hasOwn(TAKEN, path) ? [] : [{ path, message: ELSEWHERE[path] ?? 'is not taken' }],
  );
  const unknown = Object.keys(options.settings ?? {}).find((name) => name !== 'backoffStrategy');
  if (unknown !== undefined)
    problems.push({ path: `settings.${unknown}`, message: 'is not taken: of the settings, backoffStrategy is' });
  const { limiter } = options;
  if (limiter !== undefined && !(isCount(limiter.max) && isCount(limiter.duration)))
    problems.push({
      path: 'limiter',
      message: 'expected { max, duration }, whole numbers from 1, the latter of milliseconds',
    });
  if (problems.length > 0) throw configError(`options of flame.worker('${queue}')`, problems);
  const { prefix: _, settings: __, ...bullmq } = options;
  return bullmq;
};

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 1;
