/** Redis channels that somebody follows, all on one connection, which is there only while there is something to follow. */
import type { RedisClient } from '@flamejs/protocol/connect';
import type { Link } from './link.ts';

export interface ChannelListener {
  onMessage(message: Buffer): void;
  /** The connection was away: messages may have been missed. */
  onGap(): void;
}

export interface Channels {
  /** Resolves when messages arrive. @returns how to stop following */
  follow(channel: string, listener: ChannelListener): Promise<() => void>;
}

/** @param name of the connection */
export const createChannels = (link: Link, name: string): Channels => {
  const followers = new Map<string, Set<ChannelListener>>();
  let client: RedisClient | undefined;

  const open = (): RedisClient => {
    const opened = link.reader(name);
    opened.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      for (const listener of followers.get(channel.toString()) ?? []) listener.onMessage(message);
    });
    // The first time there is nothing that could have been missed; afterwards the client has subscribed again by itself.
    opened.once('ready', () =>
      opened.on('ready', () => {
        for (const listeners of followers.values()) for (const listener of listeners) listener.onGap();
      }),
    );
    return opened;
  };

  const leave = (channel: string, listener: ChannelListener): void => {
    const listeners = followers.get(channel);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return;
    followers.delete(channel);
    if (followers.size > 0) {
      client?.unsubscribe(channel).catch(() => undefined);
      return;
    }
    if (client !== undefined) link.drop(client);
    client = undefined;
  };

  return {
    async follow(channel, listener) {
      client ??= open();
      const listeners = followers.get(channel) ?? new Set();
      followers.set(channel, listeners.add(listener));
      link.alive.hold();
      try {
        await client.subscribe(channel);
      } catch (error) {
        leave(channel, listener);
        throw error;
      } finally {
        link.alive.release();
      }
      return () => leave(channel, listener);
    },
  };
};
