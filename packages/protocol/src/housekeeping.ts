/**
 * What has to happen in a pool even when no runner and no caller is alive: the autoscaler's leader calls these regularly,
 * so that nothing depends on anybody else. Every operation is safe to run twice and at the same time elsewhere.
 */

import { errorOutcome, ranOf } from './attempt/outcome-of.ts';
import type { CallBackend } from './call-backend.ts';
import { callBackendFactory } from './call-backend-factory.ts';
import { type RedisClient, runScript } from './connect.ts';
import { endWaiting } from './end-waiting.ts';
import { FlameRunnerLostError } from './errors/index.ts';
import { decideExpiry } from './expiry.ts';
import type { PoolStatus } from './explain.ts';
import { inspectCall } from './inspection.ts';
import { appKeys, type PoolKeys } from './keys.ts';
import { cancelOrphans } from './linked.ts';
import { settleWaiting } from './outcome.ts';
import { createVault, noVault } from './payload/vault.ts';
import { parsePoolStatus } from './pool-status.ts';
import { type CastingConfig, runDueSchedules, type ScheduleRun } from './schedules.ts';
import { LOCK_MS } from './store/redis-store.ts';
import type { OnDamage } from './stored.ts';

/** How often runners renew their locks and look for stalled calls; milliseconds. */
export const LOCK_RENEW_MS = 1_500;
export const STALLED_CHECK_MS = 2_000;

/** Most calls that one step handles; the next step goes on. */
const BATCH = 200;
/** Steps of one sweep. It goes on where it stopped, so that outcomes that are kept for long do not hide shorter ones. */
const SWEEP_STEPS = 25;

export interface Housekeeping {
  /** Takes calls back whose locks have run out, and fails those that must not run again. @returns ids taken back */
  recoverStalled(): Promise<readonly string[]>;
  /** Takes back at once what a runner held that is known to be gone, and why. @returns ids taken back */
  releaseRunner(runnerId: string, why?: string): Promise<readonly string[]>;
  /** Moves delayed calls that are due to waiting. @returns how many calls wait now */
  promoteDelayed(): Promise<number>;
  /** Casts the calls of schedules that are due. */
  castScheduled(): Promise<ScheduleRun>;
  /** Ends waiting that has lasted too long, for callers that are gone. @returns how many calls ended */
  expire(): Promise<number>;
  /** Removes finished jobs whose outcome has run out, and large arguments without a job. @returns how many */
  sweep(): Promise<number>;
}

export interface HousekeepingReports {
  readonly onDamage?: OnDamage;
  readonly onScheduleError?: (scheduleId: string, error: unknown) => void;
}

/**
 * @param client a `steady` connection, owned by the caller
 * @param config needed to run schedules, whose calls are signed, and to seal; without it schedules are left alone
 * @param reports hears of records that are skipped, and of schedules that could not be run
 */
export const createHousekeeping = (
  client: RedisClient,
  keys: PoolKeys,
  pool: string,
  config?: CastingConfig,
  reports: HousekeepingReports = {},
): Housekeeping => {
  const backend: CallBackend = callBackendFactory({ client })(pool, {
    prefix: keys.base,
    lockDuration: LOCK_MS,
    maxStalledCount: 1_000_000,
    stalledInterval: STALLED_CHECK_MS - 500,
  } as { prefix: string });
  const vault = config === undefined ? noVault : createVault(config);
  // Connection errors are the connection owner's to report.
  backend.on('error', () => undefined);

  let places: readonly number[] = [0, 0];

  /** Without it nobody could say why nothing started. */
  const statusOf = async (): Promise<PoolStatus | undefined> =>
    config === undefined
      ? undefined
      : parsePoolStatus((await client.hget(appKeys(config.prefix, config.app).pools, pool)) ?? '');

  const failUnrepeatable = async (ids: readonly string[], why?: string): Promise<void> => {
    if (ids.length === 0) return;
    const pipeline = client.pipeline();
    for (const id of ids) pipeline.hget(`${keys.queue}${id}`, 'f:fail');
    const replies = (await pipeline.exec()) ?? [];
    for (const id of ids.filter((_, at) => replies[at]?.[1] === '1')) {
      const call = await inspectCall(client, keys, id);
      if (!call.failOnLoss || call.runnerId === undefined || call.state !== 'waiting') continue;
      const error = new FlameRunnerLostError(
        `call ${id}: its runner ${call.runnerId} was lost${why ? ` (${why})` : ''}, and onRunnerLost is 'fail'`,
        {
          callId: id,
          losses: call.runnerLosses + 1,
        },
      );
      const verdict = { ...errorOutcome(ranOf(call), error), generation: call.generation };
      await settleWaiting(client, keys, id, verdict, vault);
    }
  };

  return {
    async recoverStalled() {
      const ids = await backend.moveStalledJobsToWait();
      await failUnrepeatable(ids);
      return ids;
    },
    async releaseRunner(runnerId, why) {
      const ids = (await runScript(client, 'flameReleaseRunner', [keys.queue, runnerId])) as string[];
      await failUnrepeatable(ids, why);
      return ids;
    },
    async promoteDelayed() {
      const now = await redisNow(client, keys.queue);
      const due = await client.zrangebyscore(`${keys.queue}delayed`, 0, (now + 1) * 0x1000 - 1, 'LIMIT', 0, BATCH);
      // A call that another process promotes in between is no longer delayed, which is all that was wanted.
      const promoted = await Promise.allSettled(due.map((id) => backend.promote(id)));
      return promoted.filter((p) => p.status === 'fulfilled').length;
    },
    async castScheduled() {
      if (config === undefined) return { cast: [], nextInMs: undefined };
      const { onDamage = () => undefined, onScheduleError = () => undefined } = reports;
      return runDueSchedules({ client, keys, pool, config, vault, onDamage, onError: onScheduleError });
    },
    async expire() {
      const due = await client.zrangebyscore(keys.expiry, 0, await redisNow(client, keys.queue), 'LIMIT', 0, BATCH);
      let ended = 0;
      for (const id of due) {
        const call = await inspectCall(client, keys, id);
        if (call.state === 'missing' || call.state === 'settled' || call.state === 'expired') {
          await client.zrem(keys.expiry, id);
          continue;
        }
        const decision = decideExpiry(call, undefined);
        if (decision.kind === 'keep') {
          await client.zadd(keys.expiry, 'XX', call.now + decision.againInMs, id);
          continue;
        }
        const status = await statusOf();
        const settled = await endWaiting(client, keys, { callId: id, pool, call, decision, status }, vault);
        if (settled === 'settled') ended += 1;
      }
      return ended + (await cancelOrphans(client, keys, vault));
    },
    async sweep() {
      let removed = 0;
      for (let step = 0; step < SWEEP_STEPS; step += 1) {
        const args = [keys.queue, BATCH, ...places];
        const reply = (await runScript(client, 'flameStale', args)) as [string[], number, number, number];
        const [stale, orphans, ...next] = reply;
        await Promise.all(stale.map((id) => backend.remove(id, false)));
        removed += stale.length + orphans;
        places = next;
        if (next.every((place) => place < 0)) {
          places = [0, 0];
          break;
        }
      }
      return removed;
    },
  };
};

/** Redis' clock, milliseconds. @param key on a cluster, of the master that holds it: each has a clock of its own */
export const redisNow = async (client: RedisClient, key?: string): Promise<number> => {
  const [seconds, micros] =
    client.isCluster && key !== undefined
      ? ((await client.eval("return redis.call('TIME')", 1, key)) as [string, string])
      : await client.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
};
