/**
 * Pools that have calls and are not in the config: taken out of it, renamed, or called by an app of another version. Nobody launches
 * runners for them, so their calls keep their bounds by housekeeping alone, and everybody who asks is told why they wait.
 */

import {
  appKeys,
  forgetPool,
  notInConfig,
  type PoolKeys,
  type PoolStatus,
  poolKeys,
  type RedisClient,
  readKnownPools,
  redisNow,
} from '@flamejs/protocol';
import type { AppConfig } from '@flamejs/queue';
import type { Logger } from 'pino';

export interface UnservedPools {
  /** @returns those of which anything is left */
  look(): Promise<readonly string[]>;
}

export interface UnservedOptions {
  readonly client: RedisClient;
  readonly config: AppConfig;
  readonly log: Logger;
  /** Stores what is said of these pools, for callers and pages, if this autoscaler still leads. */
  announce(statuses: Readonly<Record<string, string>>): Promise<void>;
}

export const createUnserved = ({ client, config, log, announce }: UnservedOptions): UnservedPools => {
  const app = appKeys(config.prefix, config.app);
  const told = new Set<string>();

  return {
    async look() {
      const strangers = (await readKnownPools(client, app)).filter((name) => !Object.hasOwn(config.pools, name));
      const looked = await Promise.all(
        strangers.map(async (name) => ({
          name,
          ...(await whatIsLeft(client, poolKeys(config.prefix, config.app, name))),
        })),
      );
      const now = looked.length === 0 ? 0 : await redisNow(client);
      const statuses: Record<string, string> = {};
      for (const { name, calls, runners, records } of looked) {
        if (calls + runners + records === 0) await forgetPool(client, app, name);
        if (calls > 0 && runners === 0) statuses[name] = JSON.stringify(statusOf(name, now));
        if (calls > 0 && !told.has(name))
          log.warn({ pool: name, calls }, `calls wait for nobody: ${notInConfig(name)}`);
        if (calls > 0) told.add(name);
        else told.delete(name);
      }
      if (Object.keys(statuses).length > 0) await announce(statuses);
      return looked.filter(({ calls, records }) => calls + records > 0).map(({ name }) => name);
    },
  };
};

interface Left {
  /** That have not ended. */
  readonly calls: number;
  readonly runners: number;
  /** Of calls that have ended, and schedules. */
  readonly records: number;
}

const whatIsLeft = async (client: RedisClient, { queue, runners, scheduleMoments }: PoolKeys): Promise<Left> => {
  const [wait, active, prioritized, delayed, completed, failed, agents, planned] = await Promise.all([
    ...['wait', 'active'].map((list) => client.llen(queue + list)),
    ...['prioritized', 'delayed', 'completed', 'failed'].map((set) => client.zcard(queue + set)),
    client.zcard(runners),
    client.zcard(scheduleMoments),
  ]);
  const sum = (...counts: readonly (number | undefined)[]): number => counts.reduce<number>((n, c) => n + (c ?? 0), 0);
  return {
    calls: sum(wait, active, prioritized, delayed),
    runners: sum(agents),
    records: sum(completed, failed, planned),
  };
};

/** As of a pool for which nothing may be launched. */
const statusOf = (pool: string, at: number): PoolStatus => ({
  min: 0,
  max: 0,
  maxConcurrency: 1,
  backend: '',
  bootTimeoutMs: 30_000,
  at,
  physical: 0,
  ready: 0,
  booting: 0,
  blocked: notInConfig(pool),
});
