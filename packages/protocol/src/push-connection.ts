/**
 * A connection on which Redis pushes messages to us. It is known to be alive: while somebody waits for messages it pings, and one that
 * stays silent is opened again. What was published meanwhile is lost, so whoever uses it is told and looks by other means.
 */
import type { Redis } from 'ioredis';
import type { RedisClient } from './connect.ts';
import { FlameConfigError } from './errors/input-errors.ts';

export interface PushOptions {
  /** `steady`, and used for nothing else but channels; stays the owner's. */
  readonly client: RedisClient;
  readonly onMessage: (channel: string, message: Buffer) => void;
  /** Messages arrive again after the connection was away. */
  readonly onGap: () => void;
  /** Whether anybody waits for messages: only then it pings. */
  readonly wanted: () => boolean;
  /** How often it pings, and after how many of these times without a sign of life it is opened again. */
  readonly pingMs: number;
  readonly silentPings: number;
}

export interface PushConnection {
  /** @returns whether messages of the channel arrive from now on; false when this user may not listen. Rejects for anything else */
  listen(channel: string): Promise<boolean>;
  /** Pings from now on, as long as it is wanted. */
  watch(): void;
  /**
   * Every message that comes from now on was published after this moment (monotonic ms): when the newest ping was sent that has been
   * answered. However long this process stood still, what had been waiting in its socket is older.
   */
  readonly freshSince: number;
  /** The connection itself stays open. */
  stop(): void;
}

/** Messages that follow each other are known to be so fresh. */
const FRESH_MS = 300;

export const createPushConnection = (options: PushOptions): PushConnection => {
  const { client, onMessage, onGap, wanted, pingMs, silentPings } = options;
  const channels = new Set<string>();
  let freshSince = Number.NEGATIVE_INFINITY;
  let pingedAt = Number.NEGATIVE_INFINITY;
  let unanswered = false;
  /** Rounds of the timer, not time: a process that stood still has heard nothing either. */
  let silentRounds = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const ping = (): void => {
    if (unanswered || client.status !== 'ready') return;
    const sentAt = performance.now();
    pingedAt = sentAt;
    unanswered = true;
    const heard = (): void => {
      unanswered = false;
      silentRounds = 0;
      freshSince = Math.max(freshSince, sentAt);
    };
    // A refusal is an answer, too.
    (client as Redis).ping().then(heard, heard);
  };

  const round = (): void => {
    if (!wanted()) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    if (unanswered) silentRounds += 1;
    if (silentRounds < silentPings) {
      ping();
      return;
    }
    silentRounds = 0;
    // Not `disconnect`, which would wait for an answer of the other side.
    (client as unknown as { readonly stream?: { destroy(): void } }).stream?.destroy();
  };

  const listenAgain = async (): Promise<void> => {
    if (stopped || channels.size === 0) return;
    // The client does so by itself, but does not say when Redis has acknowledged it.
    await (client as Redis).subscribe(...channels);
    onGap();
  };

  client.on('messageBuffer', (channel: Buffer, message: Buffer) => {
    if (stopped) return;
    silentRounds = 0;
    onMessage(channel.toString(), message);
    if (performance.now() - pingedAt > FRESH_MS) ping();
  });
  client.on('ready', () => {
    unanswered = false;
    listenAgain().catch(() => undefined);
  });

  return {
    async listen(channel) {
      try {
        await (client as Redis).subscribe(channel);
      } catch (error) {
        // So a missing right is named on every connection.
        if (error instanceof FlameConfigError) return false;
        throw error;
      }
      channels.add(channel);
      return true;
    },
    watch() {
      if (timer !== undefined || stopped) return;
      silentRounds = 0;
      timer = setInterval(round, pingMs);
      timer.unref();
    },
    get freshSince() {
      return freshSince;
    },
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
};
