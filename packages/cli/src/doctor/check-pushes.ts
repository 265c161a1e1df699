/** Whether this Redis user may push and hear pushes. Without it calls take a longer way, which nothing else would tell. */
import { connect, disconnect, poolKeys, type RedisClient, whenReady } from '@flamejs/protocol';
import { type AppConfig, FlameConfigError } from '@flamejs/queue';
import type { Diagnosis } from './diagnose.ts';

/** @returns a finding only when a right is missing. Never throws */
export const checkPushes = async (config: AppConfig): Promise<readonly Diagnosis[]> => {
  const [pool] = Object.keys(config.pools);
  if (pool === undefined || config.redis.kind === 'cluster') return [];
  const keys = poolKeys(config.prefix, config.app, pool);
  const client = connect(config.redis, 'steady', 'flame:doctor');
  client.on('error', () => undefined);
  try {
    await whenReady(client, config.connectTimeoutMs);
    for (const channel of [keys.told('doctor'), keys.hand('doctor')]) await client.publish(channel, '');
    await (client as Exclude<RedisClient, { readonly isCluster: true }>).subscribe(keys.told('doctor'));
    return [];
  } catch (error) {
    // Whatever else is wrong with Redis has been said.
    if (!(error instanceof FlameConfigError)) return [];
    return [
      {
        level: 'warn',
        check: 'pushes',
        message: `calls and outcomes are not pushed but fetched, which is slower: ${error.message}`,
        advice: 'Give the Redis user the channels that docs/redis.md lists.',
      },
    ];
  } finally {
    disconnect(client);
  }
};
