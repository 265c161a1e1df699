/**
 * The pools of an app that Redis knows of: those that an autoscaler has looked after, and those that somebody has called. A pool that
 * was taken out of the config is among them until nothing of it is left.
 */
import type { RedisClient } from './connect.ts';
import type { AppKeys } from './keys.ts';

/** Notes that the pool is called. */
export const announcePool = async (client: RedisClient, app: AppKeys, pool: string): Promise<void> => {
  await client.sadd(app.called, pool);
};

/** @returns their names, in order */
export const readKnownPools = async (client: RedisClient, app: AppKeys): Promise<readonly string[]> => {
  const [called, registry] = await Promise.all([client.smembers(app.called), client.hgetall(app.pools)]);
  return [...new Set([...called, ...Object.keys(registry)])].filter((name) => POOL_NAME.test(name)).sort();
};

export const forgetPool = async (client: RedisClient, app: AppKeys, pool: string): Promise<void> => {
  await Promise.all([client.srem(app.called, pool), client.hdel(app.pools, pool)]);
};

/** As the config wants names; what does not fit was written by nobody of ours, and its keys would not be either. */
const POOL_NAME = /^[a-z][a-z0-9-]{0,100}$/;

/** Why calls of a pool wait that is in no config. */
export const notInConfig = (pool: string): string =>
  `the config has no pool "${pool}": put it back, or cancel its calls`;
