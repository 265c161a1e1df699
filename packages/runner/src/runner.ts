/** A runner: one process that consumes one pool's queue. What is its alone is how calls are taken, held, given back and settled. */
import { createHousekeeping, createLimitSweeper, createRedisStore, createVault } from '@flamejs/protocol';
import type { AppConfig } from '@flamejs/queue';
import { type CallLoop, createCallLoop } from './call-loop.ts';
import { type CallProcessor, createCallProcessor } from './call-processor.ts';
import type { Control } from './control.ts';
import { hearOrders } from './hear-orders.ts';
import { createLeaseKeeper, leaseLog } from './lease-keeper.ts';
import { openConnections } from './open-connections.ts';
import { slotsOf } from './open-executors.ts';
import { createPutBackStrays } from './put-back-strays.ts';
import { createRunnerLife, type RunnerWork } from './runner-life.ts';
import type { Runner, RunnerOptions } from './runner-options.ts';
import { createSoloGate } from './solo-gate.ts';
import { createRunnerStreams } from './stream/runner-streams.ts';
import { createWorkSignal } from './work-signal.ts';

/** Soon enough to keep locks that ran out while Redis was away, late enough for replies that are on their way. */
const AFTER_RECONNECT_MS = 1_000;

export const createRunner = (config: AppConfig, options: RunnerOptions): Runner => {
  const { pool, runnerId, executors, logger } = options;
  const connections = openConnections(config, runnerId, logger);
  const { client, blocking, subscriber } = connections;
  const life = createRunnerLife(config, options, { client, isUp: () => connections.up, work: () => work });
  const { keys, calls, drain, onError } = life;
  const vault = createVault(config);
  const streams = createRunnerStreams({ client, keys, vault, pool, runnerId, logger });
  let control: Control | undefined;

  const warnings = new Set<string>();
  const warnOnce = (text: string): void => {
    if (!warnings.has(text)) logger.warn(text);
    warnings.add(text);
  };
  const house = createHousekeeping(client, keys, pool.name);
  const sweepLimits = createLimitSweeper(client, keys, { release: config.release, limits: pool.limits });
  const store = createRedisStore(client, keys, {
    onPushRefused: () => warnOnce('this Redis user may not push replies: callers hear of them later (docs/redis.md)'),
  });
  const loop: CallLoop = createCallLoop({
    store,
    taker: { runnerId, release: config.release },
    slots: slotsOf(pool),
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
  const gate = createSoloGate((closed) => (closed ? loop.hold('solo') : loop.release('solo')));
  const leases = createLeaseKeeper({ store, runnerId, calls, onError, ...leaseLog(logger) });

  calls.onChange(() => {
    // Its only call has ended: it must be seen as busy until then, and never fetch a second.
    if (calls.size === 0 && loop.isHeld('single-use')) drain.begin('single-use');
  });

  const work: RunnerWork = {
    loop,
    async open(executorPool, meter) {
      // What is fetched before an executor is there for it would only wait here, and be lost with this runner.
      executors.onWidth(loop.widen);
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
        onStart() {
          life.began();
          if (pool.singleUse) loop.hold('single-use');
        },
        meter,
        telemetry: config.telemetry,
        ...life.ofExecutors,
        nested: options.nested,
      });
      control = await hearOrders({
        ...{ subscriber, store, keys, runnerId, release: config.release, calls, loop, onRead: streams.look },
        redisNow: life.redisNow,
        onDrain: life.report,
      });
      if (!control.isHandedOver && !client.isCluster)
        warnOnce(
          'this Redis user may not listen to calls that are handed over: they are picked up instead (docs/redis.md)',
        );
    },
    start() {
      loop.start();
      leases.start();
      connections.onReconnect(() => {
        leases.renewNow();
        loop.offerAnew();
        setTimeout(() => void putBackStrays(), AFTER_RECONNECT_MS).unref();
      });
    },
    async settle() {
      leases.stop();
    },
    close() {
      loop.close();
      control?.stop();
      connections.close();
    },
  };
  return life.runner;
};
