import type { PoolConfig } from '@flamejs/queue';
import { parseConfig } from '@flamejs/queue/internal';

/** A pool of local processes as a config makes it, with short times. */
export const tunedPool = (more: object = {}): PoolConfig => {
  const input = {
    app: 'tuned',
    redis: 'redis://localhost',
    pools: { work: { max: 10, maxConcurrency: 2, idleShutdownAfter: '10s', scaleDownWindow: '10s', ...more } },
  };
  const context = { root: '/', configFile: undefined, env: { FLAME_RELEASE: 'test' } };
  const pool = parseConfig(input as never, context as never).pools.work;
  if (pool === undefined) throw new Error('the config has no pool');
  return pool;
};
