import type { AppConfig, PoolConfig } from '@flamejs/queue';
import { parseConfig } from '@flamejs/queue/internal';

export const POOL = 'work';

/** An app with one pool, as a config makes it. */
export const externalConfig = (pool: Partial<PoolConfig> & { readonly quota?: number }): AppConfig => {
  const input = { app: 'platform', redis: 'redis://localhost', pools: { [POOL]: { max: 6, backend: pool.backend } } };
  const context = { root: '/', configFile: undefined, env: { FLAME_RELEASE: 'r1' } };
  const config = parseConfig(input as never, context as never);
  const base = config.pools[POOL];
  if (base === undefined) throw new Error('the config has no pool');
  return { ...config, pools: { [POOL]: { ...base, ...pool } } };
};
