/**
 * The safety net under every awaited call: no promise depends on a message. Stored outcomes are looked up regularly and
 * after each reconnect, bounds on waiting are enforced, and calls that have vanished from Redis are accounted for.
 */

import { createAwakeClock } from '@flamejs/protocol/awake';
import type { RedisClient } from '@flamejs/protocol/connect';
import { FlameConfigError, FlameDataLossError, FlameRemovedError } from '@flamejs/protocol/errors';
import type { Outcome } from '@flamejs/protocol/outcome';
import type { Vault } from '@flamejs/protocol/payload/vault';
import { lookupCall } from '@flamejs/protocol/store/redis-outcomes';
import { createRedisStore } from '@flamejs/protocol/store/redis-store';
import { damageLog } from '@flamejs/protocol/stored';
import type { Logger } from 'pino';
import type { AppConfig } from '../config/types.ts';
import { createBounds } from './bounds.ts';
import type { PoolClient } from './caller.ts';
import { deliveredError } from './delivered-error.ts';
import { createHeldCalls, type HeldCalls } from './held-calls.ts';
import type { Link } from './link.ts';
import { type Awaited, backOff, FIRST_LOOK_MS, noteLook, type PendingCalls } from './pending.ts';
import { createUnbootablePools } from './unbootable-pools.ts';

const STEP_MS = 500;
/** Most calls looked at at a time. */
const BATCH = 200;
/** After this long without contact a runner has killed what it ran (rulings 2a), so a lost call may start again. */
const KILL_BOUND_MS = 30_000;

export interface Sweep {
  /** Makes sure that a look happens, at the latest in `withinMs`. */
  start(withinMs?: number): void;
  stop(): void;
  /** Looks at everything at once: replies may have been lost with the connection. */
  afterReconnect(sameServer: boolean): void;
  /** What can be made again, should it be lost. */
  readonly held: HeldCalls;
  /** Redis has neither the call nor its outcome: it is made again if that is known to be a loss, and else its waiters are told. */
  vanished(callId: string): Promise<void>;
  removedError(callId: string, sameServer: boolean): Error;
}

export interface SweepOptions {
  readonly config: AppConfig;
  readonly link: Link;
  readonly vault: Vault;
  readonly pending: PendingCalls;
  /** Opens an outcome and hands it to those who wait for it. */
  readonly settle: (pool: string, callId: string, outcome: Outcome) => void;
  readonly callerId: string;
  readonly poolOf: (name: string) => PoolClient | undefined;
  readonly logger: Logger;
}

/** @returns the calls that have to be looked at by now, longest overdue first. Pure. */
export const dueLooks = (entries: Iterable<Awaited>, now: number): readonly Awaited[] =>
  [...entries].filter(({ lookAt }) => lookAt <= now).sort((a, b) => a.lookAt - b.lookAt);

export const createSweep = (options: SweepOptions): Sweep => {
  const { config, link, vault, pending, settle, callerId, poolOf, logger } = options;
  const held = createHeldCalls();
  const onDamage = damageLog(logger);
  const bounds = createBounds(config, vault, logger, onDamage);
  const unbootable = createUnbootablePools(config, onDamage);
  const awake = createAwakeClock(4 * STEP_MS);
  let timer: NodeJS.Timeout | undefined;
  let timerAt = 0;
  let stopped = false;
  /** Monotonic ms of the last change of server; calls accepted before it may be lost. */
  let serverChangedAt = Number.NEGATIVE_INFINITY;

  const removedError = (callId: string, sameServer: boolean): Error =>
    sameServer
      ? new FlameRemovedError(`call ${callId} is not in Redis: it was removed, or its outcome has expired`, { callId })
      : new FlameDataLossError(`call ${callId} is not in Redis: the server has lost its data`, { callId });

  const step = async (): Promise<void> => {
    held.prune((callId) => pending.get(callId) !== undefined);
    if (pending.size === 0) return;
    awake.ms();
    const client = await link.client();
    const now = performance.now();
    if (await unbootable.look(client, pending.values()))
      for (const entry of pending.values()) if (unbootable.strands(entry)) entry.lookAt = Math.min(entry.lookAt, now);
    const due = dueLooks(pending.values(), now);
    // All of them, however many: what a step leaves out for the next one, the next one may leave out too.
    for (let at = 0; at < due.length && !stopped; at += BATCH) {
      await Promise.all(due.slice(at, at + BATCH).map((entry) => lookAt(client, entry)));
    }
  };

  /** What is wrong with one call is no reason not to look at the others. */
  const lookAt = async (client: RedisClient, entry: Awaited): Promise<void> => {
    const pool = poolOf(entry.pool);
    if (pool === undefined || pending.get(entry.callId) !== entry) return;
    try {
      await look(client, entry, pool);
    } catch (error) {
      // A right that is missing does not come by waiting.
      if (error instanceof FlameConfigError) return pending.fail(entry.callId, error);
      logger.debug({ err: error, callId: entry.callId }, 'looking at an awaited call failed; trying again');
    }
  };

  const look = async (client: RedisClient, entry: Awaited, pool: PoolClient): Promise<void> => {
    backOff(entry, performance.now());
    const found = await lookupCall(client, pool.keys, entry.callId, callerId);
    if (found.state === 'settled') return settle(entry.pool, entry.callId, found.outcome);
    if (found.state === 'delivered') return pending.fail(entry.callId, deliveredError(entry.callId, found));
    if (found.state === 'missing') return vanished(client, entry, pool);
    noteLook(entry, found);
    await bounds.warnIfUnserved(client, entry, pool);
    entry.watchedFrom ??= awake.ms() - Math.min(FIRST_LOOK_MS, performance.now() - entry.since);
    const watchedMs = awake.ms() - entry.watchedFrom;
    const stuck = entry.stillLimitMs !== undefined && watchedMs >= entry.stillLimitMs;
    if (!entry.bounded && !stuck && !unbootable.strands(entry)) return;
    const againInMs = await bounds.enforce(client, entry, pool, watchedMs);
    if (!entry.bounded && againInMs > STEP_MS) return;
    entry.lookAt = Math.min(entry.lookAt, performance.now() + againInMs);
    schedule(againInMs);
  };

  const vanished = async (client: RedisClient, entry: Awaited, pool: PoolClient): Promise<void> => {
    const { callId } = entry;
    // It may have changed in this moment, or, of a cluster, one master of several: nobody has told us yet.
    await link.verify();
    const kept = held.get(callId);
    const sameServer = (kept?.acceptedAt ?? entry.since) > serverChangedAt;
    const mayRepeat =
      !sameServer &&
      kept !== undefined &&
      !kept.call.failOnLoss &&
      performance.now() - kept.acceptedAt < kept.call.resultTtlMs;
    if (!mayRepeat) return pending.fail(callId, removedError(callId, sameServer));
    entry.remakeAt ??= serverChangedAt + KILL_BOUND_MS;
    if (performance.now() < entry.remakeAt) {
      entry.lookAt = entry.remakeAt;
      return;
    }
    entry.remakeAt = undefined;
    logger.warn({ callId }, 'redis has lost this call with its data; making it again under the same id');
    const [acceptance] = await link.bounded(createRedisStore(client, pool.keys).accept([kept.call]), callId);
    if (acceptance instanceof Error) throw acceptance;
    pool.kick.send();
  };

  const schedule = (withinMs = STEP_MS): void => {
    const at = performance.now() + Math.min(withinMs, STEP_MS);
    if (stopped || (timer !== undefined && timerAt <= at)) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(() => {
      timer = undefined;
      step()
        .catch((error) => logger.debug({ err: error }, 'the sweep of awaited calls failed; trying again'))
        .finally(() => {
          if (pending.size > 0) schedule();
        });
    }, at - performance.now()).unref();
  };

  return {
    start(withinMs) {
      schedule(withinMs);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      held.clear();
    },
    afterReconnect(sameServer) {
      const now = performance.now();
      if (!sameServer) serverChangedAt = now;
      for (const entry of pending.values()) if (entry.lookAt !== Number.POSITIVE_INFINITY) entry.lookAt = now;
      schedule();
    },
    held,
    async vanished(callId) {
      const entry = pending.get(callId);
      const pool = entry === undefined ? undefined : poolOf(entry.pool);
      if (entry !== undefined && pool !== undefined) await vanished(await link.client(), entry, pool);
    },
    removedError,
  };
};
