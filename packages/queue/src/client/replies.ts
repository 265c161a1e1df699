/**
 * Hears how this process's calls ended by messages that Redis pushes, on one connection for all pools: a reply costs no command. What
 * is published while that connection is away, or may not be pushed, stands in the caller's stream; the sweep looks at every awaited call
 * after each gap and now and then, and a promise rests on that alone. A cluster keeps to the streams.
 */
import type { PoolKeys } from '@flamejs/protocol/keys';
import { createPushConnection, type PushConnection } from '@flamejs/protocol/push-connection';
import type { Logger } from 'pino';
import { deliverReply, type ReplyTaker } from './deliver-reply.ts';
import type { Link } from './link.ts';
import { createReplyReader, type ReplyReader } from './reply-reader.ts';

const PING_MS = 1_000;
/** Opened again after so many of these without a sign of life. */
const SILENT_PINGS = 5;
/** How long a first call waits to be listening. Afterwards it is sent all the same, and its reply stands in the stream. */
const LISTEN_MS = 2_000;
const NEWLINE = 10;

/** Replies of one pool. */
export interface PoolReplies {
  /** @returns what the first call waits for; `undefined` when it listens already */
  listening(): Promise<void> | undefined;
  /** Something is awaited. */
  wake(): void;
  /** Replies stand in the stream although it listens: somebody may not push them, so the stream is read, too. */
  noteUnread(): void;
}

export interface Replies {
  pool(keys: PoolKeys, taker: Pick<ReplyTaker, 'onOutcome' | 'onRemoved'>): PoolReplies;
  stop(): void;
}

export interface RepliesOptions {
  readonly link: Link;
  readonly app: string;
  /** Of this caller, as its calls carry it. */
  readonly waiter: string;
  /** False on a cluster. */
  readonly pushes: boolean;
  /** Whether anything is awaited, of one pool or at all. */
  readonly wanted: (pool?: string) => boolean;
  /** What was pushed for a while is lost: every awaited call has to be looked at. */
  readonly onGap: () => void;
  readonly logger: Logger;
}

const byStream = (stream: ReplyReader): PoolReplies => ({
  listening: () => undefined,
  wake: () => stream.wake(),
  noteUnread: () => undefined,
});

export const createReplies = (options: RepliesOptions): Replies => {
  const { link, app, waiter, pushes, wanted, onGap, logger } = options;
  const takers = new Map<string, ReplyTaker>();
  const readers: ReplyReader[] = [];
  let push: PushConnection | undefined;
  let warned = false;

  const warnOnce = (text: string): void => {
    if (warned) return;
    warned = true;
    logger.warn(text);
  };

  const onMessage = (channel: string, message: Buffer): void => {
    const taker = takers.get(channel);
    if (taker === undefined) return;
    try {
      deliverReply(parseReply(message), taker);
    } catch (error) {
      logger.warn({ err: error, channel }, 'a damaged reply is skipped; the sweep looks at the call itself');
    }
  };

  /** What came into the streams meanwhile is found by looking: what stands there from now on could not be pushed. */
  const forgetStreams = async (): Promise<void> => {
    const client = await link.client();
    for (const { keys } of takers.values()) await client.del(keys.reply(waiter));
  };

  const open = (): PushConnection =>
    createPushConnection({
      client: link.reader(`flame:${app}:pushed-replies`),
      onMessage,
      onGap: () => {
        void forgetStreams()
          .catch(() => undefined)
          .finally(onGap);
      },
      wanted: () => wanted(),
      pingMs: PING_MS,
      silentPings: SILENT_PINGS,
    });

  return {
    pool(keys, { onOutcome, onRemoved }) {
      const taker: ReplyTaker = { keys, commands: () => link.client(), onOutcome, onRemoved, logger };
      const stream = createReplyReader({
        ...taker,
        callerId: waiter,
        open: () => link.reader(`flame:${app}:${keys.pool}:replies`),
        wanted: () => wanted(keys.pool),
      });
      readers.push(stream);
      if (!pushes) return byStream(stream);
      const channel = keys.told(waiter);
      let first: Promise<void> | undefined;
      let isListening = false;
      let readsStream = false;

      const listen = async (): Promise<void> => {
        push ??= open();
        takers.set(channel, taker);
        if (await push.listen(channel)) {
          isListening = true;
          return;
        }
        readsStream = true;
        isListening = true;
        takers.delete(channel);
        warnOnce('this Redis user may not listen to pushed replies, which come by a stream then (docs/redis.md)');
      };

      /** Nothing else keeps this process alive meanwhile. */
      const boundedListen = async (): Promise<void> => {
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, LISTEN_MS);
        });
        link.alive.hold();
        const listened = listen().catch((error) => {
          first = undefined;
          logger.debug({ err: error, channel }, 'listening to replies failed');
        });
        await Promise.race([listened, late]);
        clearTimeout(timer);
        link.alive.release();
      };

      return {
        listening() {
          if (isListening) return undefined;
          first ??= boundedListen();
          return first;
        },
        wake() {
          push?.watch();
          if (readsStream) stream.wake();
        },
        noteUnread() {
          if (!readsStream)
            warnOnce('replies are not pushed: a Redis user lacks a right; they come by a stream then (docs/redis.md)');
          readsStream = true;
          stream.wake();
        },
      };
    },
    stop() {
      push?.stop();
      for (const reader of readers) reader.stop();
    },
  };
};

/** `id generation length-of-head acknowledge has-body`, a newline, head and body; or `id generation -` for a call that was removed. */
const parseReply = (message: Buffer): Parameters<typeof deliverReply>[0] => {
  const end = message.indexOf(NEWLINE);
  const [callId = '', generation, length = '', awaited, hasBody] = message.toString('latin1', 0, end).split(' ');
  if (end < 0 || Number.isNaN(Number(generation))) throw new Error('it has no first line');
  if (length === '-') {
    return { callId, generation: Number(generation), head: undefined, body: undefined, awaited: false };
  }
  const headEnd = end + 1 + Number(length);
  return {
    callId,
    generation: Number(generation),
    head: message.subarray(end + 1, headEnd),
    body: hasBody === '1' ? message.subarray(headEnd) : undefined,
    awaited: awaited === '1',
  };
};
