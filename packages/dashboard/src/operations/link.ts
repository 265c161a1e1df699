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

type Command = readonly [name: string, ...args: (string | number)[]];

/**
 * Sends commands together: on a cluster those of each slot, since a pipeline there goes to one of its servers.
 * @param commands whose first argument is their key
 * @returns the replies in their order; `null` where a key is of another type than ours are: one of a list must not cost the rest of it
 */
export const pipelined = async (client: RedisClient, commands: readonly Command[]): Promise<unknown[]> => {
  const replies: unknown[] = new Array(commands.length);
  const groups = new Map<string, number[]>();
  for (const [at, [, key]] of commands.entries()) {
    const slot = client.isCluster ? hashTag(String(key)) : '';
    const places = groups.get(slot);
    if (places === undefined) groups.set(slot, [at]);
    else places.push(at);
  }
  await Promise.all(
    [...groups.values()].map(async (places) => {
      const sent = places.map((at) => [...(commands[at] ?? [])]);
      const results = (await client.pipeline(sent).exec()) ?? [];
      for (const [i, [error, value]] of results.entries()) {
        if (error && !error.message.startsWith('WRONGTYPE')) throw error;
        replies[places[i] ?? 0] = error ? null : value;
      }
    }),
  );
  return replies;
};

/** What decides on a key's slot: ours all have one. */
const hashTag = (key: string): string => /\{(.+?)\}/.exec(key)?.[1] ?? key;
