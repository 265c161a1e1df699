/**
 * Reads this process's reply stream of one pool. The stream is read from the last id that was seen, so nothing is missed
 * across reconnects; it hears only of this process's own calls. It runs while something is awaited.
 */

import type { RedisClient } from '@flamejs/protocol/connect';
import { deliverReply, type ReplyTaker } from './deliver-reply.ts';

const BLOCK_MS = 5_000;
const COUNT = 500;

export interface ReplyReader {
  /** Makes sure that the stream is being read. */
  wake(): void;
  stop(): void;
}

export interface ReplyReaderOptions extends ReplyTaker {
  readonly callerId: string;
  /** Opens the connection for blocking reads; called once. */
  readonly open: () => RedisClient;
  /** Whether anything of this pool is awaited. */
  readonly wanted: () => boolean;
}

type Entry = [id: Buffer, fields: Buffer[]];

export const createReplyReader = (options: ReplyReaderOptions): ReplyReader => {
  const { keys, callerId, open, commands, wanted, logger } = options;
  const stream = keys.reply(callerId);
  let client: RedisClient | undefined;
  let running = false;
  let stopped = false;
  let lastId = '0-0';

  const run = async (): Promise<void> => {
    client ??= open();
    while (!stopped && wanted()) {
      try {
        const reply = (await client.xreadBuffer('COUNT', COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', stream, lastId)) as
          | [Buffer, Entry[]][]
          | null;
        const entries = reply?.[0]?.[1] ?? [];
        if (entries.length === 0) continue;
        for (const [, fields] of entries) deliverSafely(fields);
        lastId = String(entries.at(-1)?.[0]);
        trim(entries.map(([id]) => id));
      } catch (error) {
        if (stopped) return;
        // The sweep asks for stored outcomes meanwhile, so a reader in trouble delays a reply and loses none.
        logger.warn({ err: error, stream }, 'reading replies failed; trying again');
        await new Promise((resolve) => setTimeout(resolve, 250).unref());
      }
    }
  };

  /** An entry that cannot be read must not keep the reader at its place for ever. */
  const deliverSafely = (fields: readonly Buffer[]): void => {
    try {
      deliver(fields);
    } catch (error) {
      logger.warn({ err: error, stream }, 'a damaged reply is skipped; the sweep looks at the call itself');
    }
  };

  const deliver = (fields: readonly Buffer[]): void => {
    const value = (name: string): Buffer | undefined => {
      for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i]?.toString() === name) return fields[i + 1];
      return undefined;
    };
    const head = value('removed') === undefined ? (value('head') ?? Buffer.alloc(0)) : undefined;
    const awaited = value('ack') !== undefined;
    const callId = String(value('id') ?? '');
    deliverReply({ callId, generation: Number(value('gen') ?? 0), head, body: value('body'), awaited }, options);
  };

  const trim = (ids: readonly Buffer[]): void => {
    void commands()
      .then((c) => c.xdel(stream, ...ids.map(String)))
      .catch((error) => logger.debug({ err: error }, 'trimming the reply stream failed; it expires by itself'));
  };

  return {
    wake() {
      if (running || stopped) return;
      running = true;
      void run().finally(() => {
        running = false;
        // Something may have been added between the last look and the end of the loop.
        if (!stopped && wanted()) this.wake();
      });
    },
    stop() {
      stopped = true;
    },
  };
};
