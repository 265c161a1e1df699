/**
 * A runner of a BullMQ pool: BullMQ's Worker takes the jobs, executors run them. What it shares with a runner of calls is its registration,
 * its drain, its counts and its end; hand-over, pick-up ahead and the settling of calls have no part in it.
 */
import { hostname } from 'node:os';
import {
  admitServer,
  appKeys,
  connect,
  connectPlain,
  describeLegacy,
  disconnect,
  findLegacySchedules,
  type LegacySchedule,
  poolKeys,
  readServerFacts,
  whenReady,
} from '@flamejs/protocol';
import type { AppConfig } from '@flamejs/queue';
import { type BullmqQueue, FlameConfigError } from '@flamejs/queue/internal';
import { createActivityReporter } from '../activity.ts';
import { bounded } from '../bounded.ts';
import { deferred } from '../deferred.ts';
import { createDrain } from '../drain.ts';
import { createHeldCalls } from '../held-call.ts';
import { createIdleClock } from '../idle-clock.ts';
import { leftBy, slotsOf } from '../open-executors.ts';
import { createPoolEvents } from '../pool-events.ts';
import { createRegistration, type Standing } from '../registration.ts';
import { isOtherRelease } from '../release-on-disk.ts';
import { createRunnerCounts } from '../runner-counts.ts';
import type { Runner, RunnerOptions } from '../runner-options.ts';
import { type HeartbeatWatch, watchAutoscaler } from '../terminator.ts';
import { askAboutWorker, askBackoff } from './about-worker.ts';
import { createJobProcessor } from './job-processor.ts';
import { createQueueWorker, type QueueWorker } from './queue-worker.ts';

/** Longest time for each step of taking a runner down. */
const STEP_MS = 3_000;
/** The same while Redis is gone. */
const WITHOUT_REDIS_MS = 100;

export const createBullmqRunner = (config: AppConfig, queue: BullmqQueue, options: RunnerOptions): Runner => {
  const { pool, runnerId, executors, logger, managed } = options;
  const keys = poolKeys(config.prefix, config.app, pool.name);
  const slots = slotsOf(pool);
  const named = (role: string): string => `flame:${config.app}:runner:${runnerId}:${role}`;
  const client = connect(config.redis, 'steady', named('commands'));
  const jobsClient = connectPlain(config.redis, 'steady', named('jobs'));
  for (const connection of [client, jobsClient])
    connection.on('error', (error: Error) => logger.debug({ err: error }, 'redis connection error'));
  const isUp = (): boolean => client.status === 'ready';
  const events = createPoolEvents(client, keys, runnerId, logger);
  const jobs = createHeldCalls();
  const idle = createIdleClock();
  const endsBy = deferred<string>();
  let state: Standing['state'] = 'starting';
  let opened = false;
  let served = 0;
  let worker: QueueWorker | undefined;
  let watch: HeartbeatWatch | undefined;
  let ending: Promise<void> | undefined;
  const onError = (error: Error): void => logger.warn({ err: error }, 'runner error');
  const counts = createRunnerCounts({ client, keys, runnerId, managed, onError });
  /** A drain that is ordered before there is a Worker. */
  let held = false;
  const loop = {
    hold() {
      held = true;
      worker?.hold();
    },
    release() {
      held = false;
      worker?.release();
    },
    whenStill: async () => worker?.whenStill(),
  };

  const registration = createRegistration({
    client,
    keys,
    pool: pool.name,
    runnerId,
    standing: () => standing(),
    idleMs: () => idle.ms(),
    onOrder(order) {
      options.onContact?.();
      drain.onOrder(order);
    },
    onBeat: counts.send,
    onError,
  });
  const drain = createDrain({
    loop: () => loop,
    calls: jobs,
    report: () => registration.beatNow(),
    connected: isUp,
    onChange(change, reason) {
      if (change === 'draining') executors.drain(reason);
      counts.drains(change !== 'back');
      if (change === 'back') idle.note(jobs.size);
      state = change === 'back' ? (opened ? 'ready' : 'starting') : change;
      void events.emit(change === 'back' ? 'runner.ready' : `runner.${change}`, reason, { active: jobs.size, served });
    },
  });
  const standing = (): Standing => ({
    state,
    active: jobs.size,
    slots,
    served,
    release: config.release,
    host: hostname(),
    pid: process.pid,
    ackedDrain: drain.acknowledged,
    reason: drain.reason,
    ...counts.timeFields(),
  });
  const activity = createActivityReporter(events);
  jobs.onChange(() => {
    activity.note(jobs.size, served);
    idle.note(jobs.size);
    if (jobs.size === 0) registration.tellIdle();
  });

  const open = async (): Promise<void> => {
    await whenReady(client, pool.bootTimeoutMs);
    for (const message of admitServer(await readServerFacts(client), config.allowEviction)) logger.warn(message);
    registration.start();
    await registration.beatNow();
    await whenReady(jobsClient, pool.bootTimeoutMs);
    refuseLegacy(await findLegacySchedules(jobsClient, queue), queue);
    const executorPool = await executors.ready;
    const { options: given, hasBackoff } = await askAboutWorker(executorPool, pool, queue.queue);
    await tellLimiter(given.limiter);
    const meter = counts.begin();
    counts.drains(drain.draining);
    executors.onLeft((left) => void events.emit('executor.replaced', leftBy(left), { ...left }));
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
        onStart: () => {
          served += 1;
        },
        onBootFailed: (message) => {
          logger.error({ reason: message }, 'no executor starts any more');
          drain.begin(`executors do not start: ${firstLine(message)}`);
        },
        onStale: (message) => {
          logger.info({ reason: message }, 'the application has changed: its executors are replaced as jobs show it');
          if (isOtherRelease(config)) drain.begin('the application on the disk is another release');
        },
      }),
    });
    worker = made;
    if (held) made.hold();
    executors.onWidth((width) => made.widen(Math.min(width, slots)));
  };

  /** For the autoscaler: more runners than the limiter has work for would wait. */
  const tellLimiter = async (
    limiter: { readonly max: number; readonly duration: number } | undefined,
  ): Promise<void> => {
    if (limiter === undefined) await client.del(keys.worker);
    else await client.hset(keys.worker, { max: limiter.max, duration: limiter.duration });
  };

  const begin = (): void => {
    opened = true;
    if (!drain.draining) state = 'ready';
    worker?.start();
    void registration.beatNow();
    if (!drain.draining)
      void events.emit('runner.ready', 'its executors are ready', { slots, release: config.release });
    activity.note(0, 0);
    idle.note(0);
    if (!managed) return;
    watch = watchAutoscaler({
      ...{ client, keys: appKeys(config.prefix, config.app) },
      failsafeTimeoutMs: pool.failsafeTimeoutMs,
      heartbeatTimeoutMs: pool.heartbeatTimeoutMs,
      onSilent: (why, silentMs) => {
        logger.warn({ silentMs }, 'nothing is heard of the autoscaler: this runner ends');
        drain.begin(why, { withinMs: pool.shutdownTimeoutMs, cut: 'unbounded' });
      },
    });
  };

  const end = async (reason: string, event: 'runner.ended' | 'runner.failed'): Promise<void> => {
    watch?.stop();
    activity.stop();
    worker?.hold();
    await bounded(executors.close(), STEP_MS);
    registration.stop();
    const step = (work: Promise<unknown>): Promise<void> => bounded(work, isUp() ? STEP_MS : WITHOUT_REDIS_MS);
    // Its Worker gives back what it holds by then.
    await step(worker?.whenStill() ?? Promise.resolve());
    await step(events.emit(event, reason, { served }));
    if (counts.begun) {
      await step(registration.beatNow());
      await step(counts.flush());
    }
    if (config.telemetry !== undefined) await bounded(config.telemetry.flush(), STEP_MS);
    const fault = event === 'runner.failed' && executors.modulesFailed ? 'modules' : '';
    await step(registration.leave(reason, fault));
    for (const connection of [client, jobsClient]) disconnect(connection);
    state = 'ended';
    endsBy.resolve(reason);
  };

  void drain.done.then((reason) => {
    ending ??= end(reason, 'runner.ended');
  });

  return {
    runnerId,
    get state() {
      return state;
    },
    async start() {
      try {
        await open();
      } catch (error) {
        // Told to stop while it started: that is no failure.
        if (drain.draining) return;
        ending ??= end(firstLine(error instanceof Error ? error.message : String(error)), 'runner.failed');
        await ending;
        throw error;
      }
      if (ending === undefined) begin();
    },
    async stop(reason) {
      drain.begin(reason, { withinMs: pool.shutdownTimeoutMs, cut: 'all' });
      await endsBy.promise;
    },
    retire: (reason) => drain.begin(reason),
    cutShort: () => drain.cutNow(),
    ended: endsBy.promise,
  };
};

/** BullMQ 6 would run each of them once more and then never again. */
const refuseLegacy = (found: readonly LegacySchedule[], { queue }: BullmqQueue): void => {
  if (found.length === 0) return;
  const message = `queue "${queue}" has ${found.length} repeatable jobs of the old kind, which BullMQ 6 does not continue: ${found.map(describeLegacy).join(', ')}. \`npx flamejs migrate --schedules\` makes job schedulers of them`;
  throw new FlameConfigError(message, { problems: [{ path: `queue ${queue}`, message }] });
};

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
