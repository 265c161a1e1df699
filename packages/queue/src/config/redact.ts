/** The configuration as it may be shown: in logs, in an inspector, as JSON. */
import type { AppConfig, RedisConfig } from './types.ts';

const SECRET = '[secret]';

/** @returns a copy without the signing key, the encryption keys, Redis' credentials, and the values of the pools' environment. */
export const redactConfig = (config: AppConfig): Record<string, unknown> => ({
  ...config,
  redis: redactRedis(config.redis),
  ...(config.signingKey !== undefined && { signingKey: SECRET }),
  encryptionKeys: config.encryptionKeys.map(({ id }) => ({ id, key: SECRET })),
  payload: config.payload.map(({ name }) => name),
  pools: Object.fromEntries(
    Object.entries(config.pools).map(([name, pool]) => [
      name,
      {
        ...pool,
        env: Object.fromEntries(Object.keys(pool.env).map((key) => [key, SECRET])),
        backend: pool.backend?.name,
        policy: pool.policy?.name,
      },
    ]),
  ),
});

/** @returns where it is, and nothing else: options hold passwords and keys in too many places to name them all. */
const redactRedis = (redis: RedisConfig): Record<string, unknown> => {
  if (redis.kind === 'cluster') return { kind: redis.kind, nodes: redis.nodes };
  const { host, port, path, sentinels } = redis.options;
  return {
    kind: redis.kind,
    ...(redis.url === undefined ? { host, port, path, sentinels } : { url: redactUrl(redis.url) }),
  };
};

/** @returns the URL without credentials; a password may also stand among its parameters. */
export const redactUrl = (url: string): string => {
  if (!URL.canParse(url)) return url.startsWith('/') ? url : SECRET;
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
};
