/**
 * What Redis pushes to a runner: the pool's control channel, whose messages are hints that save time (the durable flags are read
 * anyhow), and calls that are handed over to it as they are accepted.
 */
import {
  type ControlMessage,
  createPushConnection,
  type Handed,
  type PoolKeys,
  parseHanded,
  type RedisClient,
} from '@flamejs/protocol';
import { DOUBT_MS } from './lease-keeper.ts';

export interface ControlHandlers {
  /** Look for cancellations of calls that are held here. */
  onCancel(callId: string): void;
  /** Look for orders. */
  onDrain(): void;
  /** A call waits for a runner that may take it. */
  onParked(parked: Extract<ControlMessage, { type: 'parked' }>): void;
  /** Items of a call that is held here were read. */
  onRead(callId: string): void;
  /** A call is handed over. */
  onHanded(handed: Handed): void;
  /** The connection was away: what was pushed meanwhile is lost. */
  onGap(): void;
}

export interface Control {
  /** Whether calls can be handed over. Not on a cluster, and not without the right to listen. */
  readonly isHandedOver: boolean;
  stop(): void;
}

/** Half of it is heard of well before the lock of a call runs out that was handed over in vain. */
const PING_MS = 2_000;
const SILENT_PINGS = 2;
/** What is pushed begins at once when it is surely not older; else Redis is asked first. */
const FRESH_MS = 1_000;

/** @param subscriber a connection of its own @returns when it listens */
export const listenToControl = async (
  subscriber: RedisClient,
  keys: PoolKeys,
  runnerId: string,
  handlers: ControlHandlers,
): Promise<Control> => {
  const hand = keys.hand(runnerId);
  const flow = keys.flow(runnerId);

  const onControl = (text: string): void => {
    const message = parseMessage(text);
    if (message?.type === 'cancel') handlers.onCancel(message.callId);
    else if (message?.type === 'drain' && message.runnerId === runnerId) handlers.onDrain();
    else if (message?.type === 'parked') handlers.onParked(message);
  };

  /** How long this process stood still cannot be seen here, nor how long the message lay in its socket: only what is surely not older. */
  const confirmedAt = (): number => {
    const now = performance.now();
    return now - push.freshSince < FRESH_MS ? push.freshSince : now - DOUBT_MS;
  };

  const push = createPushConnection({
    client: subscriber,
    onMessage(channel, message) {
      if (channel === flow) {
        handlers.onRead(message.toString());
        return;
      }
      if (channel !== hand) {
        onControl(message.toString());
        return;
      }
      const handed = parseHanded(message, confirmedAt());
      if (handed !== undefined) handlers.onHanded(handed);
    },
    onGap: handlers.onGap,
    wanted: () => true,
    pingMs: PING_MS,
    silentPings: SILENT_PINGS,
  });

  if (!(await push.listen(keys.control))) throw new Error(`this Redis user may not listen to ${keys.control}`);
  // Without it streams look now and then.
  await push.listen(flow);
  const isHandedOver = !subscriber.isCluster && (await push.listen(hand));
  if (isHandedOver) push.watch();
  return { isHandedOver, stop: () => push.stop() };
};

const parseMessage = (text: string): ControlMessage | undefined => {
  try {
    const message = JSON.parse(text) as ControlMessage;
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
};
