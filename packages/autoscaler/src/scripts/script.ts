/** Lua scripts sent by their hash; the text travels only when a server does not know it yet. */
import { createHash } from 'node:crypto';
import type { RedisClient } from '@flamejs/protocol';

export interface Script {
  run(client: RedisClient, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

export const script = (lua: string): Script => {
  const sha = createHash('sha1').update(lua).digest('hex');
  return {
    async run(client, keys, args) {
      try {
        return await client.evalsha(sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return await client.eval(lua, keys.length, ...keys, ...args);
      }
    },
  };
};

/** Redis' clock in milliseconds, for the scripts that stamp something. */
export const NOW = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;
