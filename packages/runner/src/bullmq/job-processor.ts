/** The processor that BullMQ's Worker has on a runner: it runs the application's on an executor, which can be killed. */
import { newCallId } from '@flamejs/protocol/call-id';
import { decode, encode, packPayload } from '@flamejs/protocol/codec';
import { MAX_DURATION_MS } from '@flamejs/protocol/duration';
import type { PoolConfig } from '@flamejs/queue';
import { processorName } from '@flamejs/queue/internal';
import type { NestedService } from '@flamejs/queue/nested-service';
import { type Job, WaitingError } from 'bullmq';
import type { Logger } from 'pino';
import type { CallMeter } from '../call-meter.ts';
import type { EncodedArgs, Execution, ExecutionListener, ExecutionResult, ExecutorPool } from '../executor/index.ts';
import { createHeldCall, type HeldCalls } from '../held-call.ts';
import { createJobBridge } from './job-bridge.ts';
import { type JobOutcome, jobOutcome } from './job-outcome.ts';

export interface JobProcessorOptions {
  readonly pool: PoolConfig;
  readonly runnerId: string;
  readonly executors: ExecutorPool;
  /** The jobs that run here, by id. */
  readonly jobs: HeldCalls;
  /** This runner begins nothing any more. */
  readonly isClosed: () => boolean;
  readonly meter: CallMeter;
  readonly logger: Logger;
  readonly onStart: () => void;
  readonly onBootFailed: (message: string) => void;
  readonly onStale: (message: string) => void;
  readonly rateLimit: (ms: number) => Promise<void>;
  /** Makes the calls that processors make; without it they are refused. */
  readonly nested: NestedService | undefined;
}

/** A processor as BullMQ's Worker takes it. */
export type JobProcessor = (job: Job, token?: string) => Promise<unknown>;

export const createJobProcessor = (options: JobProcessorOptions): JobProcessor => {
  const { pool, runnerId, executors, jobs, meter, logger, nested } = options;
  const functionName = processorName(pool.name);

  const handBack = async (job: Job, token: string, why: string): Promise<never> => {
    logger.debug({ jobId: job.id, why }, 'job goes back to the queue');
    await job.moveToWait(token);
    // By which BullMQ knows that it has been moved.
    throw new WaitingError();
  };

  const run = async (job: Job, token: string): Promise<JobOutcome> => {
    const jobId = String(job.id);
    const json = JSON.stringify(job.asJSONSandbox());
    const execution = executionOf(pool, { job, jobId, functionName, args: argsOf([json, token], pool.payloadLimit) });
    const held = createHeldCall({
      callId: jobId,
      ats: job.attemptsStarted,
      generation: 0,
      failOnLoss: false,
      resumable: false,
      bounded: Number.isFinite(execution.timeoutMs),
      confirmedAt: performance.now(),
    });
    jobs.get(jobId)?.stop({ kind: 'superseded' });
    jobs.add(held);
    const metered = meter.pickedUp({
      callId: jobId,
      attempt: execution.attempt,
      attemptsMade: job.attemptsMade,
      pickUp: { waitedMs: waitedMs(job) },
      envelope: { fn: functionName },
    });
    // A job is no call: calls that it makes are told of a maker that stands for this one run.
    const session = nested?.open({
      callId: newCallId(pool.name),
      functionName,
      descent: undefined,
      pool: pool.name,
      runnerId,
      ats: job.attemptsStarted,
      scope: undefined,
      isJob: true,
      args: () => json,
    });
    try {
      options.onStart();
      const listener: ExecutionListener = {
        onLog: (line, stream) => logger.info({ jobId, stream }, line),
        onProgress: (bytes) => void reportProgress(job, bytes, logger),
        onNestedCall: createJobBridge({ job, rateLimit: options.rateLimit, otherwise: session?.answer }),
        beforeStart: () => {
          metered.begun();
          return undefined;
        },
        ...(session === undefined ? {} : { onStop: session.stop }),
      };
      const running = executors.execute(execution, listener);
      held.attach(running);
      const result = await running.result.finally(metered.stopped);
      tell(result);
      const outcome = jobOutcome(jobId, execution.attempt, result, held.cause);
      metered.ended(result, planOf(outcome));
      return outcome;
    } finally {
      session?.end();
      jobs.remove(held);
    }
  };

  const tell = (result: ExecutionResult): void => {
    if (result.kind === 'boot-failed') options.onBootFailed(result.message);
    if (result.kind === 'stale') options.onStale(result.message);
  };

  return async (job, token = '') => {
    if (options.isClosed()) return handBack(job, token, 'its runner is draining');
    const outcome = await run(job, token);
    if (outcome.kind === 'again') return handBack(job, token, outcome.why);
    if (outcome.kind === 'failed') throw outcome.error;
    return outcome.value;
  };
};

interface Facts {
  readonly job: Job;
  readonly jobId: string;
  readonly functionName: string;
  readonly args: EncodedArgs;
}

const executionOf = (pool: PoolConfig, { job, jobId, functionName, args }: Facts): Execution => ({
  callId: jobId,
  functionName,
  args,
  attempt: job.attemptsMade + 1,
  runnerLosses: job.stalledCounter,
  timeoutMs: pool.timeoutMs >= MAX_DURATION_MS ? Number.POSITIVE_INFINITY : pool.timeoutMs,
  killGraceMs: pool.killGraceMs,
  payloadLimit: pool.payloadLimit,
  pool: pool.name,
});

/** Arguments of a function that `flame.worker` registers. @throws FlamePayloadTooLargeError */
export const argsOf = (values: readonly unknown[], limit: number): EncodedArgs => {
  const payload = encode(values, { limit });
  return payload.parts.length === 0 ? { json: payload.json } : packPayload(payload);
};

/** What the processor tells through Flame's own context is the job's progress too. */
const reportProgress = async (job: Job, json: Uint8Array, logger: Logger): Promise<void> => {
  try {
    const value = decode({ json: Buffer.from(json).toString('utf8'), parts: [] });
    await job.updateProgress(value as object);
  } catch (error) {
    logger.warn({ err: error, jobId: job.id }, 'progress of a job could not be stored');
  }
};

const waitedMs = ({ processedOn, timestamp, delay }: Job): number =>
  Math.max(0, (processedOn ?? timestamp) - timestamp - (delay ?? 0));

/** As the meter counts ends. */
const planOf = (outcome: JobOutcome): Parameters<ReturnType<CallMeter['pickedUp']>['ended']>[1] => {
  if (outcome.kind === 'value') return { kind: 'value', frame: new Uint8Array() };
  if (outcome.kind === 'again') return { kind: 'again', delayMs: 0, why: outcome.why, begun: true };
  return { kind: 'thrown', frame: new Uint8Array(), errorName: outcome.error.name, message: outcome.error.message };
};
