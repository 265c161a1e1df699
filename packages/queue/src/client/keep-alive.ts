/**
 * What keeps this process alive: something that is under way, and never a connection that only stands by. A program that awaits
 * nothing any more ends without `close()`.
 */
import type { RedisClient } from '@flamejs/protocol/connect';
import { Redis } from 'ioredis';

export interface KeepAlive {
  /** Something begins for which the process has to stay. */
  hold(): void;
  /** It has ended. */
  release(): void;
}

/** The longest that Node's timers take. */
const LONG_MS = 2 ** 31 - 1;

export const createKeepAlive = (): KeepAlive => {
  let holds = 0;
  let timer: NodeJS.Timeout | undefined;
  return {
    hold() {
      holds += 1;
      if (timer === undefined) timer = setInterval(() => undefined, LONG_MS);
      else if (holds === 1) timer.ref();
    },
    release() {
      holds -= 1;
      // Not cleared: a timer is made once, not for each call that is awaited alone.
      if (holds === 0) timer?.unref();
    },
  };
};

/** For what nobody has to wait for. */
export const noKeepAlive: KeepAlive = { hold: () => undefined, release: () => undefined };

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
