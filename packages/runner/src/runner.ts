/** A runner: one process that consumes one pool's queue, from its registration to its end. */
import { hostname } from 'node:os';
import {
  admitServer,
  createHousekeeping,
  createLimitSweeper,
  createRedisStore,
  createVault,
  poolKeys,
  readServerFacts,
  whenReady,
} from '@flamejs/protocol';
import type { AppConfig } from '@flamejs/queue';
import { createActivityReporter } from './activity.ts';
import { bounded } from './bounded.ts';
import { type CallLoop, createCallLoop } from './call-loop.ts';
import { type CallProcessor, createCallProcessor } from './call-processor.ts';
import type { Control } from './control.ts';
import { deferred } from './deferred.ts';
import { createDrain, type DrainLimit } from './drain.ts';
import { hearOrders } from './hear-orders.ts';
import { createHeldCalls } from './held-call.ts';
import { createIdleClock } from './idle-clock.ts';
import { createLeaseKeeper, leaseLog } from './lease-keeper.ts';
import { openConnections } from './open-connections.ts';
import { leftBy, slotsOf } from './open-executors.ts';
import { createPoolEvents } from './pool-events.ts';
import { createPutBackStrays } from './put-back-strays.ts';
import { createRegistration, type Standing } from './registration.ts';
import { isOtherRelease } from './release-on-disk.ts';
import { createRunnerCounts } from './runner-counts.ts';
import type { Runner, RunnerOptions } from './runner-options.ts';
import { createSoloGate } from './solo-gate.ts';
import { createRunnerStreams } from './stream/runner-streams.ts';
import type { HeartbeatWatch } from './terminator.ts';
import { watchForSilence } from './watch-for-silence.ts';
import { createWorkSignal } from './work-signal.ts';

/** Longest time for each step of taking a runner down; what does not end by then is left to the end of the process. */
const STEP_MS = 3_000;
/** The same while Redis is gone: what cannot be told is found out by its silence. */
const WITHOUT_REDIS_MS = 100;
/** Soon enough to keep locks that ran out while Redis was away, late enough for replies that are on their way. */
const AFTER_RECONNECT_MS = 1_000;

export const createRunner = (config: AppConfig, options: RunnerOptions): Runner => {
  const { pool, runnerId, executors, logger, managed, platform } = options;
  const keys = poolKeys(config.prefix, config.app, pool.name);
  const slots = slotsOf(pool);
  const connections = openConnections(config, runnerId, logger);
  const { client, blocking, subscriber } = connections;
  const events = createPoolEvents(client, keys, runnerId, logger);
  const calls = createHeldCalls();
  const vault = createVault(config);
  const streams = createRunnerStreams({ client, keys, vault, pool, runnerId, logger });
  const idle = createIdleClock();
  const endsBy = deferred<string>();
  let state: Standing['state'] = 'starting';
  let opened = false;
  let served = 0;
  /** From our monotonic clock to Redis' time. */
  let clockOffset = 0;
  let control: Control | undefined;
  let watch: HeartbeatWatch | undefined;
  let ending: Promise<void> | undefined;

  const warnings = new Set<string>();
  const warnOnce = (text: string): void => {
    if (!warnings.has(text)) logger.warn(text);
    warnings.add(text);
  };
  const onError = (error: Error): void => logger.warn({ err: error }, 'runner error');
  const house = createHousekeeping(client, keys, pool.name);
  const sweepLimits = createLimitSweeper(client, keys, { release: config.release, limits: pool.limits });
  const store = createRedisStore(client, keys, {
    onPushRefused: () => warnOnce('this Redis user may not push replies: callers hear of them later (docs/redis.md)'),
  });
  const loop: CallLoop = createCallLoop({
    store,
    taker: { runnerId, release: config.release },
    slots,
    signal: createWorkSignal(client, blocking, keys),
    process: (call) => process(call),
    async recoverStalled() {
      await house.recoverStalled();
      await sweepLimits();
    },
    canOffer: () => control?.isHandedOver === true,
    putBackStrays: () => putBackStrays(),
    onError,
  });
  const putBackStrays = createPutBackStrays({ store, runnerId, has: loop.has, logger });
  // Nothing is fetched before the executors are there.
  let process: CallProcessor = () => Promise.resolve(undefined);

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
    loop: () => loop,
    calls,
    report: () => registration.beatNow(),
    connected: () => connections.up,
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
    pid: globalThis.process.pid,
    ackedDrain: drain.acknowledged,
    reason: drain.reason,
    ...counts.timeFields(),
  });
  const gate = createSoloGate((closed) => (closed ? loop.hold('solo') : loop.release('solo')));
  const leases = createLeaseKeeper({ store, runnerId, calls, onError, ...leaseLog(logger) });
  const activity = createActivityReporter(events);

  calls.onChange(() => {
    options.onLoad?.(calls.size);
    activity.note(calls.size, served);
    idle.note(calls.size);
    if (calls.size === 0) registration.tellIdle();
    // Its only call has ended: it must be seen as busy until then, and never fetch a second.
    if (calls.size === 0 && loop.isHeld('single-use')) drain.begin('single-use');
  });

  const onStart = (): void => {
    served += 1;
    if (pool.singleUse) loop.hold('single-use');
  };

  const open = async (): Promise<void> => {
    await whenReady(client, pool.bootTimeoutMs);
    for (const message of admitServer(await readServerFacts(client), config.allowEviction)) logger.warn(message);
    registration.start();
    await registration.beatNow();
    const executorPool = await executors.ready;
    const meter = counts.begin();
    counts.drains(drain.draining);
    // What is fetched before an executor is there for it would only wait here, and be lost with this runner.
    executors.onWidth(loop.widen);
    executors.onLeft((left) => void events.emit('executor.replaced', leftBy(left), { ...left }));
    process = createCallProcessor({
      app: config.app,
      pool,
      keys,
      runnerId,
      release: config.release,
      signingKey: config.signingKey,
      signatures: { signatureTtlMs: config.signatureTtlMs, required: config.requireSignedTime },
      encryptionKeys: config.encryptionKeys,
      vault,
      streams,
      client,
      holds: loop.has,
      executors: executorPool,
      calls,
      settleDoubt: leases.settleDoubt,
      onEnd: leases.ended,
      gate,
      logger,
      isClosed: () => loop.isHeld('drain') || loop.isHeld('single-use'),
      onStart,
      meter,
      telemetry: config.telemetry,
      onBootFailed: (message) => {
        logger.error({ reason: message }, 'no executor starts any more');
        drain.begin(`executors do not start: ${firstLine(message)}`);
      },
      onStale: (message) => {
        logger.info({ reason: message }, 'the application has changed: its executors are replaced as calls show it');
        if (isOtherRelease(config)) drain.begin('the application on the disk is another release');
      },
      nested: options.nested,
    });
    control = await hearOrders({
      ...{ subscriber, store, keys, runnerId, release: config.release, calls, loop, onRead: streams.look },
      redisNow: () => performance.now() + clockOffset,
      onDrain: () => void registration.beatNow(),
    });
    if (!control.isHandedOver && !client.isCluster)
      warnOnce(
        'this Redis user may not listen to calls that are handed over: they are picked up instead (docs/redis.md)',
      );
  };

  const onReconnect = (): void => {
    leases.renewNow();
    loop.offerAnew();
    const timer = setTimeout(() => void putBackStrays(), AFTER_RECONNECT_MS);
    timer.unref();
  };

  const begin = (): void => {
    opened = true;
    // An order that came while it started may still be taken back: then it is ready after all.
    if (!drain.draining) state = 'ready';
    loop.start();
    leases.start();
    connections.onReconnect(onReconnect);
    void registration.beatNow();
    if (!drain.draining)
      void events.emit('runner.ready', 'its executors are ready', { slots, release: config.release });
    activity.note(0, 0);
    idle.note(0);
    if (!managed && platform === undefined) return;
    watch = watchForSilence({
      ...{ client, config, pool, pauses: platform !== undefined, loop, logger },
      onEnd: (why) => drain.begin(why, { withinMs: pool.shutdownTimeoutMs, cut: 'unbounded' }),
    });
  };

  /** Takes everything down, in the order in which it was put up, and never waits without bound. */
  const end = async (reason: string, event: 'runner.ended' | 'runner.failed'): Promise<void> => {
    watch?.stop();
    activity.stop();
    await bounded(executors.close(), STEP_MS);
    leases.stop();
    registration.stop();
    const step = (work: Promise<unknown>): Promise<void> => bounded(work, connections.up ? STEP_MS : WITHOUT_REDIS_MS);
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
    loop.close();
    control?.stop();
    connections.close();
    state = 'ended';
    endsBy.resolve(reason);
  };

  void drain.done.then((reason) => {
    ending ??= end(reason, 'runner.ended');
  });

  const limit: DrainLimit = { withinMs: pool.shutdownTimeoutMs, cut: 'all' };

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
      drain.begin(reason, limit);
      await endsBy.promise;
    },
    retire: (reason) => drain.begin(reason),
    cutShort: () => drain.cutNow(),
    ended: endsBy.promise,
  };
};

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
