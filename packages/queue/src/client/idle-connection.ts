/** Connections that stand by and keep no process alive, but for the answers that they owe. */
import type { RedisClient } from '@flamejs/protocol/connect';
import { Redis } from 'ioredis';
import type { KeepAlive } from './keep-alive.ts';

/**
 * Lets the process end although the connection is open, or is being opened again. A cluster's connections come and go inside of
 * its client, and keep a process alive until `close()`.
 */
export const letIdle = (client: RedisClient): void => {
  if (!(client instanceof Redis)) return;
  const inside = client as unknown as Inside;
  client.on('connect', () => inside.stream?.unref?.());
  // Node has been told by then of the timer after which it tries again.
  client.on('reconnecting', () => inside.reconnectTimeout?.unref());
  const send = client.sendCommand.bind(client);
  client.sendCommand = (command, stream) => {
    const sent = send(command, stream);
    inside.socketTimeoutTimer?.unref();
    return sent;
  };
};

/** What the client holds a process with. */
interface Inside {
  readonly stream?: { unref?(): void };
  readonly reconnectTimeout?: NodeJS.Timeout | null;
  readonly socketTimeoutTimer?: NodeJS.Timeout;
}

/**
 * Keeps the process alive as long as a command of this connection has no answer.
 * @returns lets go of those that have none: whoever waits for them has been told that Redis is away
 */
export const holdForCommands = (client: RedisClient, { hold, release }: KeepAlive): (() => void) => {
  if (!(client instanceof Redis)) return () => undefined;
  const held = new Set<object>();
  const letGo = (command: object): void => {
    if (held.delete(command)) release();
  };
  const send = client.sendCommand.bind(client);
  client.sendCommand = (command, stream) => {
    // After a reconnect a command is sent again.
    if (!held.has(command)) {
      held.add(command);
      hold();
      const done = (): void => letGo(command);
      command.promise.then(done, done);
    }
    return send(command, stream);
  };
  return () => {
    for (const command of held) letGo(command);
  };
};
