/** Sends the calls of one turn of the event loop together, one script for each pool. */

import type { RedisClient } from '@flamejs/protocol/connect';
import { FlameUnavailableError } from '@flamejs/protocol/errors';
import type { PoolKeys } from '@flamejs/protocol/keys';
import type { Acceptance, AcceptedCall, CallStore } from '@flamejs/protocol/store/call-store';
import { createRedisStore, type StoreNotes } from '@flamejs/protocol/store/redis-store';
import type { Link } from './link.ts';

/** Most calls, and bytes of their arguments, that one script takes: it keeps Redis from everybody else for so long. */
const MOST_CALLS = 64;
const MOST_BYTES = 256 * 1024;

interface Entry {
  readonly call: AcceptedCall;
  readonly resolve: (acceptance: Acceptance) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch {
  readonly entries: Entry[];
  bytes: number;
}

export interface AcceptBatch {
  /** @returns whether the call was accepted. Rejects when that is not known, or when it was not sent. */
  add(pool: string, call: AcceptedCall): Promise<Acceptance>;
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
    try {
      const replies = await link.whileUnsent((client) =>
        link.bounded(storeOf(client, pool).accept(calls), calls[0]?.id),
      );
      for (const [at, { resolve, reject }] of entries.entries()) {
        const reply = replies[at];
        if (typeof reply === 'string') resolve(reply);
        else reject(reply ?? new Error('no reply'));
      }
    } catch (error) {
      for (const { call, reject } of entries) reject(entries.length > 1 ? own(error, call.id) : error);
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
    add: (pool, call) =>
      new Promise((resolve, reject) => {
        let batch = open.get(pool);
        if (batch === undefined) {
          const fresh: Batch = { entries: [], bytes: 0 };
          batch = fresh;
          open.set(pool, fresh);
          process.nextTick(() => flush(pool, fresh));
        }
        batch.entries.push({ call, resolve, reject });
        batch.bytes += call.data.length + (call.largeArgs?.length ?? 0);
        if (batch.entries.length >= MOST_CALLS || batch.bytes >= MOST_BYTES) flush(pool, batch);
      }),
  };
};
