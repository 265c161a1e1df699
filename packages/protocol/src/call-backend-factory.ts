/** Makes backends, and lets those that look for stalled calls know of reconnects. */
import { QueueKeys, RedisConnection } from 'bullmq';
import { defineBullScripts } from './bullmq-scripts.ts';
import { CallBackend } from './call-backend.ts';
import type { RedisClient } from './connect.ts';

/** Makes the backend factory that BullMQ's `Queue` takes as its last argument. @param client stays the caller's */
export const callBackendFactory =
  ({ client }: { readonly client: RedisClient }) =>
  (name: string, opts: { prefix?: string }): CallBackend => {
    defineBullScripts(client);
    const connection = new RedisConnection(client as never, {
      shared: true,
      blocking: false,
      skipWaitingForReady: true,
    });
    const keys = new QueueKeys(opts.prefix);
    const backend = new CallBackend(
      connection,
      name,
      keys.getKeys(name),
      (type) => keys.toKey(name, type),
      opts as never,
    );
    // Only who looks for stalled calls must know of reconnects; the others come and go with every use.
    if ('stalledInterval' in opts) watchReconnects(client, backend);
    return backend;
  };

/** A server that has been up for less than this may just have been restarted: the locks that it holds say nothing yet. */
const YOUNG_SERVER_S = 6;

/**
 * The first connection is none again: a runner that lives for seconds must look for stalled calls at once, or runners that
 * are killed one after the other would never give back what they held. Unless the server itself has just come back.
 */
const watchReconnects = (client: RedisClient, backend: CallBackend): void => {
  let known = client.status === 'ready';
  const askAge = (): void => {
    client
      .info('server')
      .then((info) => {
        if (Number(/uptime_in_seconds:(\d+)/.exec(info)?.[1] ?? YOUNG_SERVER_S) < YOUNG_SERVER_S)
          backend.noteReconnect();
      })
      // Gone again: the next `ready` tells.
      .catch(() => undefined);
  };
  if (known) askAge();
  client.setMaxListeners(client.getMaxListeners() + 1);
  client.on('ready', () => {
    if (known) backend.noteReconnect();
    else askAge();
    known = true;
  });
};
