/** Asks an executor what the application has said of its worker: the code is loaded there, and nowhere else. */
import { decode, unpackPayload } from '@flamejs/protocol/codec';
import type { PoolConfig } from '@flamejs/queue';
import { type AboutWorker, aboutName, backoffName, FlameBootError, toPlain } from '@flamejs/queue/internal';
import type { BackoffStrategy, Job } from 'bullmq';
import type { ExecutionResult, ExecutorPool } from '../executor/index.ts';
import { argsOf } from './job-processor.ts';

/** Longest time for either question. */
const ASK_MS = 30_000;

/** @throws FlameBootError when no module has made a worker of this queue, or its processor cannot be loaded */
export const askAboutWorker = async (
  executors: ExecutorPool,
  pool: PoolConfig,
  queue: string,
): Promise<AboutWorker> => {
  const result = await ask(executors, pool, aboutName(pool.name), []);
  if (result.kind === 'returned') return decode(unpackPayload(result.frame)) as AboutWorker;
  if (result.kind === 'threw' && result.errorName === 'FlameUnknownFunctionError')
    throw bootError(
      pool,
      `no module that its runners load has made the worker of queue "${queue}": call flame.worker('${queue}', …) in one of ${pool.functions.join(', ') || '`functions`'}`,
    );
  throw bootError(pool, `the worker of queue "${queue}" is not ready: ${whyOf(result)}`);
};

/** @returns the application's own backoff, carried out on an executor. It never rejects: one that fails is no delay */
export const askBackoff =
  (executors: ExecutorPool, pool: PoolConfig, onError: (error: Error) => void): BackoffStrategy =>
  async (attemptsMade, type, error, job) => {
    const args = [attemptsMade, type, toPlain(error), jsonOf(job)];
    const result = await ask(executors, pool, backoffName(pool.name), args);
    if (result.kind === 'returned') return Number(decode(unpackPayload(result.frame)));
    onError(new Error(`the backoff of the worker has failed, so the next attempt comes at once: ${whyOf(result)}`));
    return 0;
  };

const jsonOf = (job: unknown): string => JSON.stringify((job as Job).asJSONSandbox());

const ask = (
  executors: ExecutorPool,
  pool: PoolConfig,
  functionName: string,
  args: readonly unknown[],
): Promise<ExecutionResult> =>
  executors.execute({
    callId: `${pool.name}.about`,
    functionName,
    args: argsOf(args, pool.payloadLimit),
    attempt: 1,
    runnerLosses: 0,
    timeoutMs: ASK_MS,
    killGraceMs: 0,
    payloadLimit: pool.payloadLimit,
    pool: pool.name,
  }).result;

const whyOf = (result: ExecutionResult): string =>
  'errorMessage' in result
    ? `${result.errorName}: ${result.errorMessage}`
    : 'message' in result
      ? result.message
      : result.kind;

const bootError = (pool: PoolConfig, reason: string): FlameBootError =>
  new FlameBootError(`pool "${pool.name}": ${reason}`, { reason });
