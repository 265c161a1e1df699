/**
 * The life of a runner, whatever it serves: it registers, waits for its executors, takes work, drains, and takes everything down in the order in which it
 * was put up. What it serves is its work: calls (`runner.ts`) or the jobs of a BullMQ queue (`bullmq/bullmq-runner.ts`).
 */
import { hostname } from 'node:os';
import { admitServer, type PoolKeys, poolKeys, type RedisClient, readServerFacts, whenReady } from '@flamejs/protocol';
import type { AppConfig } from '@flamejs/queue';
import { createActivityReporter } from './activity.ts';
import { bounded } from './bounded.ts';
import type { CallLoop } from './call-loop.ts';
import type { CallMeter } from './call-meter.ts';
import { deferred } from './deferred.ts';
import { createDrain, type Drain } from './drain.ts';
import type { ExecutorPool } from './executor/index.ts';
import { createHeldCalls, type HeldCalls } from './held-call.ts';
import { createIdleClock } from './idle-clock.ts';
import { leftBy, slotsOf } from './open-executors.ts';
import { createPoolEvents } from './pool-events.ts';
import { createRegistration, type Standing } from './registration.ts';
import { isOtherRelease } from './release-on-disk.ts';
import { createRunnerCounts } from './runner-counts.ts';
import type { Runner, RunnerOptions } from './runner-options.ts';
import type { HeartbeatWatch } from './terminator.ts';
import { watchForSilence } from './watch-for-silence.ts';

/** Longest time for each step of taking a runner down; what does not end by then is left to the end of the process. */
const STEP_MS = 3_000;
/** The same while Redis is gone: what cannot be told is found out by its silence. */
const WITHOUT_REDIS_MS = 100;

export interface RunnerWork {
  /** What takes it. */
  readonly loop: Pick<CallLoop, 'hold' | 'release' | 'whenStill'>;
  /** What needs Redis alone, while the executors start. */
  prepare?(): Promise<void>;
  /** The executors are there; nothing is taken yet. */
  open(executors: ExecutorPool, meter: CallMeter): Promise<void>;
  /** Begins to take. */
  start(): void;
  /** The executors are about to be closed. */
  halt?(): void;
  /** They are closed. @param step bounds what is awaited */
  settle(step: (work: Promise<unknown>) => Promise<void>): Promise<void>;
  /** Everything is told: its connections go. */
  close(): void;
}

export interface LifeOptions {
  readonly client: RedisClient;
  /** Whether commands can be sent now. */
  readonly isUp: () => boolean;
  readonly work: () => RunnerWork;
}

export interface RunnerLife {
  readonly runner: Runner;
  readonly keys: PoolKeys;
  /** What runs now. */
  readonly calls: HeldCalls;
  readonly drain: Drain;
  readonly onError: (error: Error) => void;
  /** Redis' clock, ms, as far as it is known. */
  redisNow(): number;
  /** Reports the standing at once. */
  report(): void;
  /** Another one has begun here. */
  began(): void;
  /** What executors may come to. */
  readonly ofExecutors: { onBootFailed(message: string): void; onStale(message: string): void };
}

export const createRunnerLife = (config: AppConfig, options: RunnerOptions, parts: LifeOptions): RunnerLife => {
  const { pool, runnerId, executors, logger, managed, platform } = options;
  const { client, isUp, work } = parts;
  const keys = poolKeys(config.prefix, config.app, pool.name);
  const slots = slotsOf(pool);
  const events = createPoolEvents(client, keys, runnerId, logger);
  const calls = createHeldCalls();
  const idle = createIdleClock();
  const activity = createActivityReporter(events);
  const endsBy = deferred<string>();
  let state: Standing['state'] = 'starting';
  let opened = false;
  let served = 0;
  /** From our monotonic clock to Redis' time. */
  let clockOffset = 0;
  let watch: HeartbeatWatch | undefined;
  let ending: Promise<void> | undefined;
  const onError = (error: Error): void => logger.warn({ err: error }, 'runner error');
  const counts = createRunnerCounts({ client, keys, runnerId, managed, onError });

  const registration = createRegistration({
    client,
    keys,
    pool: pool.name,
    runnerId,
    standing: () => standing(),
    idleMs: () => idle.ms(),
    onOrder(order, redisNow) {
      options.onContact?.();
      clockOffset = redisNow - performance.now();
      drain.onOrder(order);
    },
    onBeat: counts.send,
    onError,
  });
  const drain = createDrain({
    loop: () => work().loop,
    calls,
    report: () => registration.beatNow(),
    connected: isUp,
    parks: platform !== undefined,
    onChange(change, reason) {
      if (change === 'draining') {
        executors.drain(reason);
        // They go on elsewhere where they stop here.
        for (const call of calls.all()) if (call.resumable) call.stop({ kind: 'shutdown', reason });
      }
      counts.drains(change !== 'back');
      if (change === 'back') idle.note(calls.size);
      state = change === 'back' ? (opened ? 'ready' : 'starting') : change;
      void events.emit(change === 'back' ? 'runner.ready' : `runner.${change}`, reason, { active: calls.size, served });
    },
  });
  const standing = (): Standing => ({
    state,
    active: calls.size,
    slots,
    served,
    release: config.release,
    host: platform ?? hostname(),
    pid: process.pid,
    ackedDrain: drain.acknowledged,
    reason: drain.reason,
    ...counts.timeFields(),
  });
  calls.onChange(() => {
    options.onLoad?.(calls.size);
    activity.note(calls.size, served);
    idle.note(calls.size);
    if (calls.size === 0) registration.tellIdle();
  });

  const open = async (): Promise<void> => {
    await whenReady(client, pool.bootTimeoutMs);
    for (const message of admitServer(await readServerFacts(client), config.allowEviction)) logger.warn(message);
    registration.start();
    await registration.beatNow();
    await work().prepare?.();
    const ready = await executors.ready;
    const meter = counts.begin();
    counts.drains(drain.draining);
    executors.onLeft((left) => void events.emit('executor.replaced', leftBy(left), { ...left }));
    await work().open(ready, meter);
  };

  const begin = (): void => {
    opened = true;
    // An order that came while it started may still be taken back: then it is ready after all.
    if (!drain.draining) state = 'ready';
    work().start();
    void registration.beatNow();
    if (!drain.draining)
      void events.emit('runner.ready', 'its executors are ready', { slots, release: config.release });
    activity.note(0, 0);
    idle.note(0);
    if (!managed && platform === undefined) return;
    watch = watchForSilence({
      ...{ client, config, pool, pauses: platform !== undefined, loop: work().loop, logger },
      onEnd: (why) => drain.begin(why, { withinMs: pool.shutdownTimeoutMs, cut: 'unbounded' }),
    });
  };

  /** Takes everything down, in the order in which it was put up, and never waits without bound. */
  const end = async (reason: string, event: 'runner.ended' | 'runner.failed'): Promise<void> => {
    const step = (waited: Promise<unknown>): Promise<void> => bounded(waited, isUp() ? STEP_MS : WITHOUT_REDIS_MS);
    watch?.stop();
    activity.stop();
    work().halt?.();
    await bounded(executors.close(), STEP_MS);
    await work().settle(step);
    registration.stop();
    await step(events.emit(event, reason, { served }));
    // What ran until now is told in full, and the record says how the time was used.
    if (counts.begun) {
      await step(registration.beatNow());
      await step(counts.flush());
    }
    // Spans of its last attempts among them.
    if (config.telemetry !== undefined) await bounded(config.telemetry.flush(), STEP_MS);
    const fault = event === 'runner.failed' && executors.modulesFailed ? 'modules' : '';
    await step(registration.leave(reason, fault));
    work().close();
    state = 'ended';
    endsBy.resolve(reason);
  };

  void drain.done.then((reason) => {
    ending ??= end(reason, 'runner.ended');
  });

  const runner: Runner = {
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

  return {
    runner,
    keys,
    calls,
    drain,
    onError,
    redisNow: () => performance.now() + clockOffset,
    report: () => void registration.beatNow(),
    began() {
      served += 1;
    },
    ofExecutors: {
      onBootFailed(message) {
        logger.error({ reason: message }, 'no executor starts any more');
        drain.begin(`executors do not start: ${firstLine(message)}`);
      },
      onStale(message) {
        logger.info({ reason: message }, 'the application has changed: its executors are replaced as they show it');
        if (isOtherRelease(config)) drain.begin('the application on the disk is another release');
      },
    },
  };
};

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
