/**
 * The bounds of this process's own calls, kept here so that they hold when no runner and no autoscaler is alive; the
 * autoscaler does the same for callers that are gone. Also says so when a pool has nobody who could serve it.
 */

import type { RedisClient } from '@flamejs/protocol/connect';
import { endWaiting } from '@flamejs/protocol/end-waiting';
import { decideExpiry } from '@flamejs/protocol/expiry';
import { explainWaiting } from '@flamejs/protocol/explain';
import { createHousekeeping, type Housekeeping } from '@flamejs/protocol/housekeeping';
import { inspectCall } from '@flamejs/protocol/inspection';
import type { Vault } from '@flamejs/protocol/payload/vault';
import { createRedisStore } from '@flamejs/protocol/store/redis-store';
import type { OnDamage } from '@flamejs/protocol/stored';
import type { Logger } from 'pino';
import type { AppConfig } from '../config/types.ts';
import type { PoolClient } from './caller.ts';
import type { Awaited } from './pending.ts';
import { readPoolStatus } from './unbootable-pools.ts';

export interface Bounds {
  /**
   * Ends a call whose waiting has lasted too long. @param watchedMs for how long this process has watched it, awake
   * @returns in how many ms its bound has to be looked at again
   */
  enforce(client: RedisClient, entry: Awaited, pool: PoolClient, watchedMs: number): Promise<number>;
  /** Warns, once for each pool, when a call waits and nobody is there who could start a runner for it. */
  warnIfUnserved(client: RedisClient, entry: Awaited, pool: PoolClient): Promise<void>;
}

/** After an outcome was stored: it comes by the reply stream; look soon in case it does not. */
const AFTER_MS = 500;
/** A call whose runner is lost is taken back by the second check that finds it without a lock. */
const TAKEN_BACK_MS = 2_000;
/** An application and its autoscaler may be started together. */
const WARN_AFTER_MS = 3_000;
/** Looks at a pool's state for the warning, at most so often: thousands of calls may wait for it. */
const WARN_EVERY_MS = 5_000;

export const createBounds = (config: AppConfig, vault: Vault, logger: Logger, onDamage: OnDamage): Bounds => {
  const houses = new Map<string, Housekeeping>();
  /** By pool: monotonic ms of the next look, `Infinity` once the warning was given. */
  const warnings = new Map<string, number>();

  const houseOf = (client: RedisClient, pool: PoolClient): Housekeeping => {
    const { name } = pool.config;
    const house = houses.get(name) ?? createHousekeeping(client, pool.keys, name, config);
    houses.set(name, house);
    return house;
  };

  return {
    async enforce(client, { callId, stillLimitMs }, pool, watchedMs) {
      const [call, all] = await Promise.all([
        inspectCall(client, pool.keys, callId),
        readPoolStatus(client, config, onDamage),
      ]);
      const status = all[pool.config.name];
      if (call.state === 'orphaned') {
        // Runners and the autoscaler take lost calls back; there may be none, and its waiting goes on only in the queue.
        const back = await houseOf(client, pool).recoverStalled();
        if (back.length > 0) pool.kick.send();
        return back.includes(callId) ? AFTER_MS : TAKEN_BACK_MS;
      }
      const still = stillLimitMs === undefined ? undefined : { limitMs: stillLimitMs, watchedMs };
      const decision = decideExpiry(call, still, status);
      if (decision.kind === 'keep') return decision.againInMs;
      await endWaiting(
        createRedisStore(client, pool.keys),
        { callId, pool: pool.config.name, call, decision, status },
        vault,
      );
      return AFTER_MS;
    },
    async warnIfUnserved(client, { callId, since }, pool) {
      const { name } = pool.config;
      const now = performance.now();
      if (now - since < WARN_AFTER_MS || now < (warnings.get(name) ?? 0)) return;
      warnings.set(name, now + WARN_EVERY_MS);
      const [call, status] = await Promise.all([
        inspectCall(client, pool.keys, callId),
        readPoolStatus(client, config, onDamage),
      ]);
      const { reason, text } = explainWaiting(name, call, status[name]);
      if (reason !== 'no-autoscaler') return;
      warnings.set(name, Number.POSITIVE_INFINITY);
      const advice =
        'start one with `npx flamejs dev` or `npx flamejs autoscaler`, or a runner with `npx flamejs runner`';
      logger.warn({ app: config.app, pool: name, callId }, `call ${callId} waits, and ${text}: ${advice}`);
    },
  };
};
