/**
 * What has to happen in a pool even when no runner and no caller is alive: the autoscaler's leader calls these regularly,
 * so that nothing depends on anybody else. Every operation is safe to run twice and at the same time elsewhere.
 */

import { type RedisClient, runScript } from './connect.ts';
import type { PoolStatus } from './explain.ts';
import { appKeys, type PoolKeys } from './keys.ts';
import { type DeclaredLimits, type LimitSweep, sweepLimits } from './limit-sweep.ts';
import { cancelOrphans } from './linked.ts';
import { createVault, noVault } from './payload/vault.ts';
import { parsePoolStatus } from './pool-status.ts';
import { type CastingConfig, runDueSchedules, type ScheduleRun } from './schedules.ts';
import { createRedisStore } from './store/redis-store.ts';
import type { OnDamage } from './stored.ts';
import { createUpkeep, type Upkeep } from './upkeep.ts';

/** How often runners renew their locks; milliseconds. */
export const LOCK_RENEW_MS = 1_500;

/** Most calls that one step handles; the next step goes on. */
const BATCH = 200;
/** Steps of one sweep. It goes on where it stopped, so that outcomes that are kept for long do not hide shorter ones. */
const SWEEP_STEPS = 25;

export interface Housekeeping extends Upkeep {
  /** Casts the calls of schedules that are due. */
  castScheduled(): Promise<ScheduleRun>;
  /** Takes calls that are gone out of limits, and admits what they held; once in 10 s, whoever calls. */
  sweepLimits(): Promise<LimitSweep>;
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
  const store = createRedisStore(client, keys, { reclaims: true });
  const vault = config === undefined ? noVault : createVault(config);

  /** Without it nobody could say why nothing started. */
  const status = async (): Promise<PoolStatus | undefined> =>
    config === undefined
      ? undefined
      : parsePoolStatus((await client.hget(appKeys(config.prefix, config.app).pools, pool)) ?? '');

  const upkeep = createUpkeep({ store, pool, vault, status });
  let places: readonly number[] = [0, 0];

  return {
    ...upkeep,
    async castScheduled() {
      if (config === undefined) return { cast: [], nextInMs: undefined };
      const { onDamage = () => undefined, onScheduleError = () => undefined } = reports;
      return runDueSchedules({ client, keys, pool, config, vault, onDamage, onError: onScheduleError });
    },
    expire: async () => (await upkeep.expire()) + (await cancelOrphans(client, keys, vault)),
    sweepLimits: () => sweepLimits(client, keys, declaredBy(config, pool)),
    async sweep() {
      let removed = 0;
      for (let step = 0; step < SWEEP_STEPS; step += 1) {
        const args = [keys.queue, BATCH, ...places];
        const reply = (await runScript(client, 'flameStale', args)) as [string[], number, number, number];
        const [stale, orphans, ...next] = reply;
        await Promise.all(stale.map((id) => store.remove(id)));
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

const declaredBy = (config: CastingConfig | undefined, pool: string): DeclaredLimits => ({
  release: config?.release ?? '',
  limits: config?.pools[pool]?.limits ?? {},
});
