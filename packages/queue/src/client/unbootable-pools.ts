/**
 * Which pools cannot start a runner, for the calls that wait for one. Asked per pool and not per call, because a call that
 * waits long is looked at ever less often, and because thousands may wait.
 */
import type { RedisClient } from '@flamejs/protocol/connect';
import type { PoolStatus } from '@flamejs/protocol/explain';
import { appKeys } from '@flamejs/protocol/keys';
import { readPoolStatuses } from '@flamejs/protocol/pool-status';
import type { OnDamage } from '@flamejs/protocol/stored';
import type { AppConfig } from '../config/types.ts';
import { type Awaited, FIRST_LOOK_MS } from './pending.ts';

/** Soon enough to tell within seconds; calls that are answered sooner cost no question. */
const LOOK_EVERY_MS = 2_000;

export interface UnbootablePools {
  /**
   * Asks for the pools of those that have waited for a moment and have no bound of their own.
   * @returns whether it was time to ask
   */
  look(client: RedisClient, entries: Iterable<Awaited>): Promise<boolean>;
  /** Whether the newest answer was that this one waits in vain. A call that runs is told apart when it is looked at. */
  strands(entry: Awaited): boolean;
}

export const createUnbootablePools = (config: AppConfig, onDamage: OnDamage): UnbootablePools => {
  let dueAt = 0;
  let unbootable: ReadonlySet<string> = new Set();
  return {
    async look(client, entries) {
      const now = performance.now();
      if (now < dueAt) return false;
      const pools = poolsWaitedFor(entries, now);
      unbootable = new Set();
      if (pools.size === 0) return false;
      dueAt = now + LOOK_EVERY_MS;
      const all = await readPoolStatus(client, config, onDamage);
      unbootable = new Set([...pools].filter((pool) => all[pool]?.unbootable === true && all[pool].ready === 0));
      return true;
    },
    strands: ({ pool, stillLimitMs }) => stillLimitMs !== undefined && unbootable.has(pool),
  };
};

/** What the autoscaler says of the pools. */
export const readPoolStatus = async (
  client: RedisClient,
  config: AppConfig,
  onDamage: OnDamage,
): Promise<Readonly<Record<string, PoolStatus>>> =>
  readPoolStatuses(client, appKeys(config.prefix, config.app), onDamage);

const poolsWaitedFor = (entries: Iterable<Awaited>, now: number): ReadonlySet<string> => {
  const pools = new Set<string>();
  for (const { pool, stillLimitMs, since } of entries)
    if (stillLimitMs !== undefined && now - since >= FIRST_LOOK_MS / 2) pools.add(pool);
  return pools;
};
