/**
 * Reads a call's items from Redis. Pushes say that there are more, and are hints: what they announce is fetched, and without one it looks now and
 * then. What an owner says it is done with moves the window.
 */
import { DEFAULT_LIMIT } from '@flamejs/protocol/codec';
import { FlameClosedError, FlameDataLossError, FlameStreamError } from '@flamejs/protocol/errors';
import { after } from '@flamejs/protocol/payload/vault';
import { type Chunk, sealedAs, unpackChunk } from '@flamejs/protocol/stream/chunk';
import { type ReadChunk, type ReadReply, readChunks } from '@flamejs/protocol/stream/stream-store';
import type { PoolConfig } from '../../config/types.ts';
import type { Caller } from '../caller.ts';
import type { ItemFeed, Pulled } from './item-feed.ts';

const MOST_BYTES = 1024 * 1024;
const LOOK_MS = 1_000;
/** While Redis is away it asks so often. */
const AGAIN_MS = 250;
/** So long after the call has ended what cannot be read is given up. */
const PATIENCE_MS = 30_000;
/** What was read is told at the latest after so much of it. */
const ACK_ITEMS = 250;
/** A batch holds one item of the largest size, and others beside it. */
const BESIDE_BYTES = 1024 * 1024;

export const createRedisFeed = (caller: Caller, pool: PoolConfig, callId: string, isOwner: boolean): ItemFeed => {
  const { keys } = caller.pool(pool);
  const { link, vault } = caller;
  const limit = Math.max(DEFAULT_LIMIT, pool.payloadLimit) + BESIDE_BYTES;
  /** Batches that were handed out and are not done with: where each ends. */
  const handed: { readonly index: number; readonly bytes: number }[] = [];
  let acked = 0;
  let ackedBytes = 0;
  let toldAcked = 0;
  let generation: number | undefined;
  let attempt = 0;
  let total: number | undefined;
  let ended: 'ok' | 'failed' | undefined;
  let closed = false;
  let unfollow: (() => void) | undefined;
  let following: Promise<void> | undefined;
  let isWaiting = false;
  let wake = (): void => undefined;
  /** Something may have changed since it was asked last. */
  let stirred = false;
  const stir = (): void => {
    stirred = true;
    wake();
  };

  const follow = async (): Promise<void> => {
    const listener = { onMessage: stir, onGap: stir };
    const stop = await caller.channels.follow(keys.stream(callId), listener);
    if (closed) stop();
    else unfollow = stop;
  };

  const read = async (from: number, done: boolean): Promise<ReadReply> => {
    const client = await link.client();
    toldAcked = acked;
    const owner = { acked, ackedBytes, retention: pool.streamRetention, done };
    const asked = { callId, generation, from, mostBytes: MOST_BYTES, ...(isOwner ? { owner } : {}) };
    return link.bounded(readChunks(client, keys, asked));
  };

  const open = async (chunk: ReadChunk, of: number): Promise<Chunk> => {
    if (chunk.attempt < attempt) throw lost(`an attempt that was over has written its items ${chunk.first} on`);
    const about = { callId, kind: 'stream', part: sealedAs(of, chunk.attempt), limit } as const;
    const opened = await after(vault.open(chunk.body, about), (bytes) => bytes);
    attempt = chunk.attempt;
    return unpackChunk(opened, { ...chunk, generation: of, callId });
  };

  const lost = (why: string): FlameDataLossError => new FlameDataLossError(`call ${callId}: ${why}`, { callId });

  /** @returns `undefined` when there is nothing yet */
  const taken = async (reply: ReadReply, from: number): Promise<Pulled | undefined> => {
    switch (reply.state) {
      case 'none':
        return undefined;
      case 'gone': {
        const message = `call ${callId}: its items from ${from} on are no longer kept, those from ${reply.first} on are`;
        throw new FlameStreamError(message, { callId, reason: 'gone', firstIndex: reply.first });
      }
      case 'other': {
        const message = `call ${callId} was run again by hand (generation ${reply.generation}), which is another stream`;
        throw new FlameStreamError(message, { callId, reason: 'run-again' });
      }
      case 'items':
        return pulled(reply, from);
    }
  };

  const pulled = async (reply: Extract<ReadReply, { state: 'items' }>, from: number): Promise<Pulled | undefined> => {
    generation = reply.generation;
    const frames: Uint8Array[] = [];
    for (const stored of reply.chunks) {
      const { first, count, items, total: all } = await open(stored, reply.generation);
      const next = from + frames.length;
      if (first > next || (count > 0 && first + count <= next)) throw lost(`its items from ${next} on are missing`);
      // A reader may begin in the midst of a batch.
      frames.push(...items.slice(next - first));
      total = all ?? total;
      handed.push({ index: first + count, bytes: stored.end });
    }
    return frames.length === 0 ? undefined : { kind: 'items', first: from, frames };
  };

  const pause = (ms: number): Promise<void> =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      isWaiting = true;
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    }).then(() => {
      isWaiting = false;
      wake = () => undefined;
    });

  const closedError = (): FlameClosedError =>
    new FlameClosedError(`the stream of call ${callId} is no longer read`, { callId });

  const pull = async (from: number): Promise<Pulled> => {
    // Without the right to listen it looks now and then.
    following ??= follow().catch(() => undefined);
    await following;
    let failingSince: number | undefined;
    for (;;) {
      if (closed) throw closedError();
      if (total !== undefined && from >= total) return { kind: 'end', total };
      const wasEnded = ended;
      let reply: ReadReply;
      stirred = false;
      try {
        reply = await read(from, false);
        failingSince = undefined;
      } catch (error) {
        // Its own error says more.
        if (wasEnded === 'failed') return { kind: 'end', total };
        failingSince ??= performance.now();
        if (closed || (wasEnded === 'ok' && performance.now() - failingSince > PATIENCE_MS)) throw error;
        await pause(AGAIN_MS);
        continue;
      }
      const found = await taken(reply, from);
      if (found !== undefined) return found;
      if (total !== undefined && from >= total) return { kind: 'end', total };
      if (wasEnded !== undefined) return { kind: 'end', total };
      if (acked === toldAcked && !stirred) await pause(LOOK_MS);
    }
  };

  return {
    pull,
    taken(index) {
      acked = Math.max(acked, index);
      while (handed[0] !== undefined && handed[0].index <= acked) ackedBytes = handed.shift()?.bytes ?? ackedBytes;
      if (isOwner && isWaiting && (handed.length === 0 || acked - toldAcked >= ACK_ITEMS)) wake();
    },
    settled(ok) {
      ended = ok ? 'ok' : 'failed';
      stir();
    },
    close(done) {
      if (closed) return;
      closed = true;
      unfollow?.();
      wake();
      if (done && isOwner) void read(acked, true).catch(() => undefined);
    },
  };
};
