/**
 * A runner of a BullMQ pool: BullMQ's Worker takes the jobs, executors run them. Hand-over, pick-up and the settling of calls have no part in it.
 */
import {
  connect,
  connectPlain,
  describeLegacy,
  disconnect,
  findLegacySchedules,
  type LegacySchedule,
  whenReady,
} from '@flamejs/protocol';
import type { AppConfig } from '@flamejs/queue';
import { type BullmqQueue, FlameConfigError } from '@flamejs/queue/internal';
import { slotsOf } from '../open-executors.ts';
import { createRunnerLife, type RunnerWork } from '../runner-life.ts';
import type { Runner, RunnerOptions } from '../runner-options.ts';
import { askAboutWorker, askBackoff } from './about-worker.ts';
import { createJobProcessor } from './job-processor.ts';
import { createQueueWorker, type QueueWorker } from './queue-worker.ts';

export const createBullmqRunner = (config: AppConfig, queue: BullmqQueue, options: RunnerOptions): Runner => {
  const { pool, runnerId, executors, logger } = options;
  const named = (role: string): string => `flame:${config.app}:runner:${runnerId}:${role}`;
  const client = connect(config.redis, 'steady', named('commands'));
  const jobsClient = connectPlain(config.redis, 'steady', named('jobs'));
  for (const connection of [client, jobsClient])
    connection.on('error', (error: Error) => logger.debug({ err: error }, 'redis connection error'));
  const life = createRunnerLife(config, options, { client, isUp: () => client.status === 'ready', work: () => work });
  const { keys, calls: jobs, onError } = life;
  let worker: QueueWorker | undefined;
  /** A drain that is ordered before there is a Worker. */
  let held = false;

  const createWorker: RunnerWork['open'] = async (executorPool, meter) => {
    const { options: given, hasBackoff } = await askAboutWorker(executorPool, pool, queue.queue);
    await tellLimiter(given.limiter);
    const made = createQueueWorker({
      queue,
      client: jobsClient,
      name: runnerId,
      options: given,
      backoff: hasBackoff ? askBackoff(executorPool, pool, onError) : undefined,
      onError,
      onLost(jobIds) {
        logger.warn({ jobIds }, 'locks could not be renewed: what runs of these jobs here is ended');
        for (const id of jobIds) jobs.get(id)?.stop({ kind: 'superseded' });
      },
      process: createJobProcessor({
        pool,
        runnerId,
        executors: executorPool,
        jobs,
        isClosed: () => held,
        meter,
        logger,
        nested: options.nested,
        rateLimit: (ms) => made.rateLimit(ms),
        onStart: life.began,
        ...life.ofExecutors,
      }),
    });
    worker = made;
    if (held) made.hold();
    executors.onWidth((width) => made.widen(Math.min(width, slotsOf(pool))));
  };

  /** For the autoscaler: more runners than the limiter has work for would wait. */
  const tellLimiter = async (
    limiter: { readonly max: number; readonly duration: number } | undefined,
  ): Promise<void> => {
    if (limiter === undefined) await client.del(keys.worker);
    else await client.hset(keys.worker, { max: limiter.max, duration: limiter.duration });
  };

  const work: RunnerWork = {
    loop: {
      hold() {
        held = true;
        worker?.hold();
      },
      release() {
        held = false;
        worker?.release();
      },
      whenStill: async () => worker?.whenStill(),
    },
    async prepare() {
      await whenReady(jobsClient, pool.bootTimeoutMs);
      refuseLegacy(await findLegacySchedules(jobsClient, queue), queue);
    },
    open: createWorker,
    start: () => worker?.start(),
    halt: () => worker?.hold(),
    // Its Worker gives back what it holds by then.
    settle: (step) => step(worker?.whenStill() ?? Promise.resolve()),
    close() {
      for (const connection of [client, jobsClient]) disconnect(connection);
    },
  };
  return life.runner;
};

/** BullMQ 6 would run each of them once more and then never again. */
const refuseLegacy = (found: readonly LegacySchedule[], { queue }: BullmqQueue): void => {
  if (found.length === 0) return;
  const message = `queue "${queue}" has ${found.length} repeatable jobs of the old kind, which BullMQ 6 does not continue: ${found.map(describeLegacy).join(', ')}. \`npx flamejs migrate --schedules\` makes job schedulers of them`;
  throw new FlameConfigError(message, { problems: [{ path: `queue ${queue}`, message }] });
};
