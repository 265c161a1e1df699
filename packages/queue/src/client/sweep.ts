/**
 * The safety net under every awaited call: no promise depends on a message. Stored outcomes are looked up regularly and
 * after each reconnect, bounds on waiting are enforced, and calls that have vanished from Redis are accounted for.
 */
import type { Logger } from 'pino';
import type { AppConfig } from '../config/types.ts';
import { FlameDataLossError, FlameRemovedError } from '../errors/index.ts';
import type { Vault } from '../payload/vault.ts';
import { callBackendFactory } from '../protocol/call-backend-factory.ts';
import type { RedisClient } from '../protocol/connect.ts';
import { encodeOutcome } from '../protocol/encode-outcome.ts';
import { decideExpiry } from '../protocol/expiry.ts';
import { expiryError } from '../protocol/expiry-error.ts';
import type { PoolStatus } from '../protocol/explain.ts';
import { inspectCall } from '../protocol/inspection.ts';
import { appKeys } from '../protocol/keys.ts';
import { lookupCall, type Outcome, settleWaiting } from '../protocol/outcome.ts';
import type { PoolClient } from './caller.ts';
import { createHeldCalls, type HeldCalls } from './held-calls.ts';
import type { Link } from './link.ts';
import { type Awaited, type PendingCalls, SLOWEST_LOOK_MS } from './pending.ts';

const STEP_MS = 500;
/** Most calls looked at in one step. */
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
  readonly settle: (callId: string, outcome: Outcome) => void;
  readonly callerId: string;
  readonly poolOf: (name: string) => PoolClient | undefined;
  readonly logger: Logger;
}

export const createSweep = (options: SweepOptions): Sweep => {
  const { config, link, vault, pending, settle, callerId, poolOf, logger } = options;
  const held = createHeldCalls();
  const again = new Map<string, number>();
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
    const client = await link.client();
    const now = performance.now();
    const due: Awaited[] = [];
    for (const entry of pending.values()) {
      if (entry.lookAt <= now) due.push(entry);
      if (due.length === BATCH) break;
    }
    await Promise.all(due.map((entry) => look(client, entry)));
  };

  const look = async (client: RedisClient, entry: Awaited): Promise<void> => {
    const pool = poolOf(entry.pool);
    if (pool === undefined) return;
    entry.lookAt = performance.now() + entry.lookEveryMs;
    entry.lookEveryMs = Math.min(entry.lookEveryMs * 2, SLOWEST_LOOK_MS);
    const found = await lookupCall(client, pool.keys, entry.callId, callerId);
    if (found.state === 'settled') return settle(entry.callId, found.outcome);
    if (found.state === 'missing') return vanished(client, entry, pool);
    entry.generation = found.generation;
    const stuck = entry.stillLimitMs !== undefined && performance.now() - entry.since >= entry.stillLimitMs;
    if (entry.bounded || stuck) await enforce(client, entry, pool);
  };

  /** The bounds of this process's own calls; the autoscaler does the same for callers that are gone. */
  const enforce = async (client: RedisClient, entry: Awaited, pool: PoolClient): Promise<void> => {
    const { callId } = entry;
    const call = await inspectCall(client, pool.keys, callId);
    const decision = decideExpiry(call, entry.stillLimitMs);
    if (decision.kind === 'keep') {
      if (entry.bounded) {
        entry.lookAt = Math.min(entry.lookAt, performance.now() + decision.againInMs);
        schedule(decision.againInMs);
      }
      return;
    }
    const status = await readPoolStatus(client);
    const error = expiryError(callId, entry.pool, call, decision, status[entry.pool]);
    const verdict = { ...encodeOutcome(error, call), generation: call.generation };
    await settleWaiting(client, pool.keys, callId, verdict, vault);
    // The outcome comes by the reply stream, like every other; look soon in case it does not.
    entry.lookAt = performance.now() + STEP_MS;
  };

  const readPoolStatus = async (client: RedisClient): Promise<Record<string, PoolStatus>> => {
    const all = await client.hgetall(appKeys(config.prefix, config.app).pools);
    return Object.fromEntries(Object.entries(all).map(([name, json]) => [name, JSON.parse(json) as PoolStatus]));
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
    const notBefore = again.get(callId) ?? serverChangedAt + KILL_BOUND_MS;
    again.set(callId, notBefore);
    if (performance.now() < notBefore) {
      entry.lookAt = notBefore;
      return;
    }
    again.delete(callId);
    logger.warn({ callId }, 'redis has lost this call with its data; making it again under the same id');
    const backend = callBackendFactory({ client })(entry.pool, { prefix: pool.keys.base });
    backend.on('error', () => undefined);
    await link.bounded(backend.accept(kept.call), callId);
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
    }, at - performance.now());
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
