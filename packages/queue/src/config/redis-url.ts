/** Where Redis is, as one text that another process can be told. */
import type { RedisConfig } from './types.ts';

/** @returns the URL of one server; `undefined` for a cluster or Sentinel, of which there is no one URL: who is told it reads the config file, which names the nodes */
export const redisUrl = (redis: RedisConfig): string | undefined => {
  if (redis.kind === 'cluster') return undefined;
  if (redis.url !== undefined) return redis.url;
  const { host = 'localhost', port = 6379, db = 0, username, password, tls, sentinels, path } = redis.options;
  if (sentinels !== undefined || path !== undefined) return undefined;
  const user = username === undefined ? '' : encodeURIComponent(username);
  const secret = password == null ? '' : `${user}:${encodeURIComponent(password)}@`;
  return `${tls === undefined ? 'redis' : 'rediss'}://${secret}${host}:${port}${db === 0 ? '' : `/${db}`}`;
};
