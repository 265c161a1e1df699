/** Redis' clock. */
import type { RedisClient } from './connect.ts';

/** Redis' clock, milliseconds. @param key on a cluster, of the master that holds it: each has a clock of its own */
export const redisNow = async (client: RedisClient, key?: string): Promise<number> => {
  const [seconds, micros] =
    client.isCluster && key !== undefined
      ? ((await client.eval("return redis.call('TIME')", 1, key)) as [string, string])
      : await client.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
};
