/** The connection of the dashboard and the command line. Commands fail at once while Redis is away; pages show that. */

import {
  type AppKeys,
  appKeys,
  connect,
  createVault,
  disconnect,
  type PoolKeys,
  poolKeys,
  type RedisClient,
  type Vault,
  whenReady,
} from '@flamejs/protocol';
import { type AppConfig, FlameUnavailableError } from '@flamejs/queue';
import { createPreviewer, type Previewer } from './previewer.ts';

export interface Link {
  readonly config: AppConfig;
  readonly client: RedisClient;
  readonly app: AppKeys;
  /** Opens what the app seals, as far as this process has the keys. */
  readonly vault: Vault;
  /** Makes a value readable, off the event loop when it is large. */
  readonly preview: Previewer;
  keys(pool: string): PoolKeys;
  /** Resolves when connected. @throws FlameUnavailableError after `connectTimeout` */
  ready(): Promise<void>;
  close(): void;
}

export const openLink = (config: AppConfig, name: string): Link => {
  const client = connect(config.redis, 'producer', `flame:${config.app}:${name}`);
  let lastError: Error | undefined;
  client.on('error', (error: Error) => {
    lastError = error;
  });
  const previewer = createPreviewer();
  const known = new Map<string, PoolKeys>();
  return {
    config,
    client,
    vault: createVault(config),
    preview: previewer.preview,
    app: appKeys(config.prefix, config.app),
    keys(pool) {
      const keys = known.get(pool) ?? poolKeys(config.prefix, config.app, pool);
      known.set(pool, keys);
      return keys;
    },
    async ready() {
      try {
        await whenReady(client, config.connectTimeoutMs);
      } catch (cause) {
        const why = lastError?.message ?? String(cause);
        throw new FlameUnavailableError(`Redis could not be reached within ${config.connectTimeoutMs} ms: ${why}`, {
          enqueued: 'no',
          cause,
        });
      }
    },
    close() {
      previewer.close();
      disconnect(client);
    },
  };
};

/**
 * What the queue's client is, seen as a plain command sender: pipelines have the same shape on one server and a cluster.
 * @returns the replies; `null` where a key is of another type than ours are: one of a list must not cost the rest of it
 */
export const pipelined = async (
  client: RedisClient,
  commands: readonly (readonly [name: string, ...args: (string | number)[]])[],
): Promise<unknown[]> => {
  if (commands.length === 0) return [];
  const replies = await client.pipeline(commands.map((c) => [...c])).exec();
  return (replies ?? []).map(([error, value]) => {
    if (error?.message.startsWith('WRONGTYPE')) return null;
    if (error) throw error;
    return value;
  });
};
