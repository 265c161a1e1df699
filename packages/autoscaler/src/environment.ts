/** How a runner learns who it is. */
import type { AppConfig, Backend, PoolConfig } from '@flamejs/queue';
import { keyText, redisUrl } from '@flamejs/queue/internal';

export interface Environment {
  /** Plain variables, frozen with the launch. */
  env(pool: PoolConfig, runnerId: string, as: LaunchedAs): Readonly<Record<string, string>>;
  /** What a backend passes by reference where it can; never stored. @param env the launch's plain variables */
  secrets(env: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
}

export interface LaunchedAs {
  readonly release: string;
  readonly backend: Backend;
}

export const environmentOf = (config: AppConfig): Environment => {
  const url = redisUrl(config.redis);
  return {
    env: (pool, runnerId, { release, backend }) => ({
      ...pool.env,
      FLAME_APP: config.app,
      FLAME_POOL: pool.name,
      FLAME_RUNNER_ID: runnerId,
      // A runner that loads what is on this disk derives its release from that, too: there may be another one by then.
      ...(backend.sharesDisk && config.releaseDerived && config.configFile !== undefined
        ? {}
        : { FLAME_RELEASE: release }),
      ...(config.configFile === undefined ? {} : { FLAME_CONFIG: config.configFile }),
    }),
    secrets: (env) => ({
      // A pool that names a file has a Redis user of its own for its runners.
      ...(url === undefined || env.FLAME_REDIS_URL_FILE ? {} : { FLAME_REDIS_URL: url }),
      ...(config.signingKey === undefined ? {} : { FLAME_SIGNING_KEY: config.signingKey }),
      ...(config.encryptionKeys.length === 0 ? {} : { FLAME_ENCRYPTION_KEYS: keyText(config.encryptionKeys) }),
    }),
  };
};
