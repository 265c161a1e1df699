/** Listens to the pool's control channel. Its messages are hints that save time: the durable flags are read anyhow. */
import type { ControlMessage, PoolKeys, RedisClient } from '@flamejs/protocol';

export interface ControlHandlers {
  /** Look for cancellations of calls that are held here. */
  onCancel(callId: string): void;
  /** Look for orders. */
  onDrain(): void;
  /** A call waits for a runner that may take it. */
  onParked(parked: Extract<ControlMessage, { type: 'parked' }>): void;
}

/** @param subscriber a connection of its own @returns when it listens */
export const listenToControl = async (
  subscriber: RedisClient,
  keys: PoolKeys,
  runnerId: string,
  handlers: ControlHandlers,
): Promise<void> => {
  subscriber.on('message', (_channel: string, text: string) => {
    const message = parseMessage(text);
    if (message?.type === 'cancel') handlers.onCancel(message.callId);
    else if (message?.type === 'drain' && message.runnerId === runnerId) handlers.onDrain();
    else if (message?.type === 'parked') handlers.onParked(message);
  });
  // ioredis subscribes again by itself after a reconnect.
  await subscriber.subscribe(keys.control);
};

const parseMessage = (text: string): ControlMessage | undefined => {
  try {
    const message = JSON.parse(text) as ControlMessage;
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
};
