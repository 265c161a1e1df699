/** Sends the calls of one turn of the event loop together, one script for each pool. */

import type { RedisClient } from '@flamejs/protocol/connect';
import { FlameUnavailableError } from '@flamejs/protocol/errors';
import type { PoolKeys } from '@flamejs/protocol/keys';
import { giveMemoryBack } from '@flamejs/protocol/passing-memory';
import type { Acceptance, AcceptedCall, CallStore } from '@flamejs/protocol/store/call-store';
import { createRedisStore, type StoreNotes } from '@flamejs/protocol/store/redis-store';
import type { Link } from './link.ts';

/** Most calls, and bytes of their arguments, that one script takes: it keeps Redis from everybody else for so long. */
const MOST_CALLS = 64;
const MOST_BYTES = 256 * 1024;

/** Told once, of one call: whether it was accepted, or why that is not known or it was not sent. */
export type OnAnswer = (acceptance: Acceptance | undefined, error: unknown) => void;

interface Entry {
  readonly call: AcceptedCall;
  readonly onAnswer: OnAnswer;
}

interface Batch {
  readonly entries: Entry[];
  bytes: number;
}

export interface AcceptBatch {
  add(pool: string, call: AcceptedCall, onAnswer: OnAnswer): void;
}

export const createAcceptBatch = (
  link: Link,
  keysOf: (pool: string) => PoolKeys,
  notesOf: (pool: string) => StoreNotes,
): AcceptBatch => {
  const open = new Map<string, Batch>();
  const stores = new Map<string, { readonly client: RedisClient; readonly store: CallStore }>();

  const storeOf = (client: RedisClient, pool: string): CallStore => {
    let known = stores.get(pool);
    if (known?.client !== client) {
      known = { client, store: createRedisStore(client, keysOf(pool), notesOf(pool)) };
      stores.set(pool, known);
    }
    return known.store;
  };

  const send = async (pool: string, { entries }: Batch): Promise<void> => {
    const calls = entries.map(({ call }) => call);
    let sent: Promise<unknown> | undefined;
    let replies: readonly (Acceptance | Error)[];
    try {
      replies = await link.whileUnsent((client) => {
        const accepting = storeOf(client, pool).accept(calls);
        sent = accepting;
        return link.bounded(accepting, calls[0]?.id);
      });
    } catch (error) {
      for (const { call, onAnswer } of entries) onAnswer(undefined, entries.length > 1 ? own(error, call.id) : error);
      return;
    } finally {
      // Whoever waited may have been told that Redis is away, and the client still sends it when it is back.
      const done = (): void => {
        for (const { largeArgs } of calls) giveMemoryBack(largeArgs);
      };
      if (sent === undefined) done();
      else sent.then(done, done);
    }
    for (const [at, { onAnswer }] of entries.entries()) {
      const reply = replies[at];
      if (typeof reply === 'string') onAnswer(reply, undefined);
      else onAnswer(undefined, reply ?? new Error('no reply'));
    }
  };

  /** What happened to all of them is an error of each. */
  const own = (error: unknown, callId: string): unknown =>
    error instanceof FlameUnavailableError
      ? new FlameUnavailableError(error.message, { callId, enqueued: error.enqueued, cause: error.cause })
      : error;

  const flush = (pool: string, batch: Batch): void => {
    if (open.get(pool) !== batch) return;
    open.delete(pool);
    void send(pool, batch);
  };

  return {
    add(pool, call, onAnswer) {
      let batch = open.get(pool);
      if (batch === undefined) {
        const fresh: Batch = { entries: [], bytes: 0 };
        batch = fresh;
        open.set(pool, fresh);
        process.nextTick(() => flush(pool, fresh));
      }
      batch.entries.push({ call, onAnswer });
      batch.bytes += call.data.length + (call.largeArgs?.length ?? 0);
      if (batch.entries.length >= MOST_CALLS || batch.bytes >= MOST_BYTES) flush(pool, batch);
    },
  };
};
