/**
 * Reads this process's reply stream of one pool. The stream is read from the last id that was seen, so nothing is missed
 * across reconnects; it hears only of this process's own calls. It runs while something is awaited.
 */

import type { RedisClient } from '@flamejs/protocol/connect';
import type { PoolKeys } from '@flamejs/protocol/keys';
import { fetchBody, type Outcome, parseHead } from '@flamejs/protocol/outcome';
import type { Logger } from 'pino';

const BLOCK_MS = 5_000;
const COUNT = 500;

export interface ReplyReader {
  /** Makes sure that the stream is being read. */
  wake(): void;
  stop(): void;
}

export interface ReplyReaderOptions {
  readonly keys: PoolKeys;
  readonly callerId: string;
  /** Opens the connection for blocking reads; called once. */
  readonly open: () => RedisClient;
  /** The command connection, for large outcomes and for trimming. */
  readonly commands: () => Promise<RedisClient>;
  /** Whether anything of this pool is awaited. */
  readonly wanted: () => boolean;
  /** The call was removed by hand, before it had an outcome. */
  readonly onRemoved: (callId: string) => void;
  readonly onOutcome: (callId: string, outcome: Outcome) => void;
  readonly logger: Logger;
}

type Entry = [id: Buffer, fields: Buffer[]];

export const createReplyReader = (options: ReplyReaderOptions): ReplyReader => {
  const { keys, callerId, open, commands, wanted, onOutcome, onRemoved, logger } = options;
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
    const callId = String(value('id') ?? '');
    const generation = Number(value('gen') ?? 0);
    if (value('removed') !== undefined) {
      onRemoved(callId);
      return;
    }
    const head = parseHead(value('head'));
    const body = value('body');
    const awaited = value('ack') !== undefined;
    if (body !== undefined) {
      onOutcome(callId, { generation, head, body, awaited });
      return;
    }
    // Too large for the stream. When it cannot be read now, the sweep will.
    void commands()
      .then((c) => fetchBody(c, keys, callId))
      .then((large) => large && onOutcome(callId, { generation, head, body: large, awaited }))
      .catch((error) => logger.debug({ err: error, callId }, 'fetching a large outcome failed; the sweep fetches it'));
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
