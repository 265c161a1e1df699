/**
 * What one attempt yields, on its way into Redis: batches are sealed and stored in their order, fenced by the attempt, and the executor is told
 * how much more its reader has room for. The last batch is left for the script that stores the outcome.
 */
import {
  type Appended,
  appendChunks,
  type PoolKeys,
  packTail,
  type RedisClient,
  rewindStream,
  type StoredChunk,
  sealedAs,
  type Vault,
  type Writing,
} from '@flamejs/protocol';
import {
  FlameDataLossError,
  type FlameError,
  FlameIdleTimeoutError,
  FlameReadTimeoutError,
} from '@flamejs/queue/errors';
import type { Logger } from 'pino';
import type { ItemChunk, StreamOrder, StreamTap } from '../executor/index.ts';
import { createStandstill } from './standstill.ts';

export interface StreamLimits {
  readonly window: { readonly items: number; readonly bytes: number };
  readonly readTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export interface ResultStreamOptions {
  readonly client: RedisClient;
  readonly keys: PoolKeys;
  readonly vault: Vault;
  readonly writing: Writing;
  /** Index of its first item. */
  readonly from: number;
  readonly limits: StreamLimits;
  /** How long it is kept once it has ended, ms. */
  readonly resultTtlMs: number;
  /** The call has to be stopped for this; without an error another attempt has taken it over. */
  readonly onStop: (error: FlameError | undefined) => void;
  readonly onClose: () => void;
  readonly logger: Logger;
}

export interface ResultStream extends StreamTap {
  readonly order: StreamOrder;
  /** Something was read, perhaps. */
  look(): void;
  /** The attempt has ended, and so has the stream. @returns its end, for the script that stores the outcome */
  end(): Promise<Uint8Array>;
  /** The attempt has ended, and there is to be another. @returns where that begins; below 0 when there must be none: `-1 -` the items */
  rewind(): Promise<number>;
  close(): void;
}

const RETRY_MS = 250;
/** Pushes are hints: without one it looks so often. */
const LOOK_MS = 500;
const MOST_APPENDED_BYTES = 1024 * 1024;

export const createResultStream = (options: ResultStreamOptions): ResultStream => {
  const { client, keys, vault, writing, from, limits, onStop, logger } = options;
  const { callId, generation, attempt } = writing;
  const { window } = limits;
  const standstill = createStandstill();
  const queue: ItemChunk[] = [];
  /** Batches that the owner is not done with: where each ends. */
  const open: { readonly items: number; readonly bytes: number }[] = [];
  let line: Parameters<StreamTap['attach']>[0] | undefined;
  let written = { items: from, bytes: 0 };
  let stored = written;
  let acked = { items: 0, bytes: 0 };
  let alone = writing.owner === '';
  let granted = { items: (alone ? from : 0) + window.items, bytes: window.bytes };
  let lookAgain = false;
  let working: Promise<void> | undefined;
  let ended = false;
  let closed = false;
  /** Since when nothing has come although it may, or nothing was read although it is full. */
  let stillSince = performance.now();
  const timer = setInterval(() => watch(), LOOK_MS);

  const isWithheld = (): boolean => written.items >= granted.items || written.bytes >= granted.bytes;

  const watch = (): void => {
    const stillMs = performance.now() - stillSince;
    if (!isWithheld()) {
      if (stillMs < limits.idleTimeoutMs || line === undefined) return;
      const { idleTimeoutMs: timeoutMs } = limits;
      const message = `call ${callId}: its function yielded nothing for ${timeoutMs} ms, its idleTimeout`;
      onStop(new FlameIdleTimeoutError(message, { callId, timeoutMs }));
    } else if (stillMs < limits.readTimeoutMs || alone) {
      look();
    } else {
      const { readTimeoutMs: timeoutMs } = limits;
      const message = `call ${callId}: its items were not read for ${timeoutMs} ms, its readTimeout`;
      onStop(new FlameReadTimeoutError(message, { callId, timeoutMs }));
    }
  };

  const grant = (): void => {
    while (open[0] !== undefined && open[0].items <= acked.items) acked = { ...acked, bytes: open.shift()?.bytes ?? 0 };
    const base = alone ? stored : acked;
    const more = { items: base.items + window.items, bytes: base.bytes + window.bytes };
    if (more.items <= granted.items && more.bytes <= granted.bytes) return;
    granted = { items: Math.max(granted.items, more.items), bytes: Math.max(granted.bytes, more.bytes) };
    stillSince = performance.now();
    if (!isWithheld()) standstill.end();
    line?.credit(granted.items, granted.bytes);
  };

  const sealChunk = async ({ first, count, bytes }: ItemChunk): Promise<StoredChunk> => {
    const about = { callId, kind: 'stream', part: sealedAs(generation, attempt) } as const;
    return { first, count, body: vault.seals ? await vault.seal(bytes, about) : bytes };
  };

  /** As often as it takes: a Redis that is full, or away, makes the function wait. */
  const append = async (chunks: readonly StoredChunk[]): Promise<Appended> => {
    for (;;) {
      try {
        return await appendChunks(client, keys, writing, chunks, isWithheld() && !alone);
      } catch (error) {
        if (closed) throw error;
        logger.warn({ err: error, callId }, 'items could not be stored; trying again');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };

  /** @param keep how many are left in the queue */
  const send = async (keep: number): Promise<boolean> => {
    const chunks: StoredChunk[] = [];
    let size = 0;
    let items = 0;
    while (queue.length > keep && size < MOST_APPENDED_BYTES) {
      const chunk = queue.shift() as ItemChunk;
      chunks.push(await sealChunk(chunk));
      size += chunk.size;
      items = chunk.first + chunk.count;
    }
    const { status, ...reply } = await append(chunks);
    if (status !== 'ok') {
      fail(status);
      return false;
    }
    if (chunks.length > 0) stored = { items, bytes: stored.bytes + size };
    alone = reply.alone;
    if (reply.acked > acked.items) acked = { ...acked, items: reply.acked };
    grant();
    return true;
  };

  const fail = (status: 'superseded' | 'gap'): void => {
    if (closed) return;
    closed = true;
    queue.length = 0;
    const message = `call ${callId}: Redis has lost items that it had stored`;
    onStop(status === 'gap' ? new FlameDataLossError(message, { callId }) : undefined);
  };

  const work = async (): Promise<void> => {
    while (!closed && !ended && (queue.length > 0 || lookAgain)) {
      lookAgain = false;
      await send(0);
    }
  };

  const start = (): void => {
    if (working !== undefined || closed || ended) return;
    working = work()
      .catch((error: unknown) => logger.warn({ err: error, callId }, 'a stream of items is given up'))
      .finally(() => {
        working = undefined;
      });
  };

  function look(): void {
    lookAgain = true;
    start();
  }

  /** @param keep how many batches are left in the queue */
  const settle = async (keep: number): Promise<void> => {
    ended = true;
    clearInterval(timer);
    standstill.end();
    await working;
    while (!closed && queue.length > keep) await send(keep);
  };

  return {
    order: { from, generation, attempt, ...granted },
    get standstillMs() {
      return standstill.ms;
    },
    attach(to) {
      line = to;
      stillSince = performance.now();
      // What an earlier attempt has stored may have been read meanwhile.
      if (from > 0) look();
    },
    onItems(chunk) {
      if (closed || chunk.first !== written.items) return;
      written = { items: chunk.first + chunk.count, bytes: written.bytes + chunk.size };
      stillSince = performance.now();
      queue.push(chunk);
      open.push(written);
      if (isWithheld() && line !== undefined) standstill.begin(line.ping);
      start();
    },
    onPong: (n) => standstill.onPong(n),
    look,
    async end() {
      await settle(1);
      const last = queue.shift();
      const sealed = last === undefined ? undefined : await sealChunk(last);
      const { first, count, body } = sealed ?? { first: 0, count: 0, body: new Uint8Array() };
      return packTail({ first, count, body, resumable: writing.resumable, ttlMs: options.resultTtlMs });
    },
    async rewind() {
      // What it has yielded beyond what is stored is made again, or was not wanted by anybody.
      await settle(writing.resumable ? 0 : queue.length);
      return rewindStream(client, keys, writing);
    },
    close() {
      closed = true;
      clearInterval(timer);
      standstill.end();
      options.onClose();
    },
  };
};
