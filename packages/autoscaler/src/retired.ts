/** Pools that have records but are no longer configured: they are drained as if their max were 0. */
import type { AppConfig, PoolConfig } from '@flamejs/queue';
import type { IntentRecord } from './record/intent.ts';

/** A retired pool borrows the settings of a configured pool on the same backend, without its hooks. */
export const retiredPools = (config: AppConfig, records: readonly IntentRecord[]): readonly PoolConfig[] => {
  const names = new Set(records.map(({ pool }) => pool).filter((name) => !Object.hasOwn(config.pools, name)));
  return [...names].flatMap((name) => {
    const backend = records.find(({ pool }) => pool === name)?.backend;
    const like = Object.values(config.pools).find((pool) => (pool.backend?.name ?? 'local') === backend);
    return like === undefined
      ? []
      : [{ ...like, name, min: 0, max: 0, buffer: 0, policy: undefined, hooks: {}, idleUnless: undefined }];
  });
};
