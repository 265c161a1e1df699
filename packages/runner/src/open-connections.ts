/** A runner's three connections: for commands, for the worker's blocking wait, and for the control channel. */

import { connect, disconnect, type RedisClient } from '@flamejs/protocol';
import type { AppConfig } from '@flamejs/queue';
import type { Logger } from 'pino';

export interface Connections {
  readonly client: RedisClient;
  readonly blocking: RedisClient;
  readonly subscriber: RedisClient;
  /** Whether commands can be sent now. */
  readonly up: boolean;
  /** Told whenever the command connection is back. */
  onReconnect(listener: () => void): void;
  close(): void;
}

export const openConnections = (config: AppConfig, runnerId: string, logger: Logger): Connections => {
  const open = (role: string): RedisClient => {
    const connection = connect(config.redis, 'steady', `flame:${config.app}:runner:${runnerId}:${role}`);
    connection.on('error', (error: Error) => logger.debug({ err: error, role }, 'redis connection error'));
    return connection;
  };
  const client = open('commands');
  const blocking = open('wait');
  const subscriber = open('control');
  client.on('close', () => logger.debug('the connection to Redis is gone'));
  return {
    client,
    blocking,
    subscriber,
    get up() {
      return client.status === 'ready';
    },
    onReconnect: (listener) => void client.on('ready', listener),
    close() {
      for (const connection of [client, blocking, subscriber]) disconnect(connection);
    },
  };
};
