/** The items of a call of inline mode: what Redis holds of a real one, with the same window, retention and rule for another attempt. */
import { FlameClosedError, FlameStreamError } from '@flamejs/protocol/errors';
import type { PoolConfig } from '../../config/types.ts';
import { type Credit, createItemSink, type ItemSink } from '../../stream/item-sink.ts';
import type { ItemFeed, Pulled } from './item-feed.ts';

export interface InlineItems {
  /** Where the next attempt begins; below 0 when there must be none, for items were read and the function cannot go on: `-1 -` the items. */
  nextFrom(): number;
  /** An attempt begins there. @param onWait told when it begins and ends to wait for its reader */
  begin(from: number, onWait: (waits: boolean) => void): ItemSink;
  /** The function waits for its reader. */
  readonly waits: boolean;
  feed(callId: string, isOwner: boolean): ItemFeed;
}

const WINDOW_ITEMS = 1_000;

/** @param hasOwner somebody's reading moves the window */
export const createInlineItems = (pool: PoolConfig, hasOwner: boolean, resumable: boolean): InlineItems => {
  let frames: Uint8Array[] = [];
  /** Index of the first that is kept, and bytes before it. */
  let first = 0;
  let dropped = 0;
  let bytes = 0;
  let read = 0;
  let acked = { items: 0, bytes: 0 };
  let total: number | undefined;
  let sink: ItemSink | undefined;
  let waits = false;
  /** Bytes before the present attempt: a sink counts its own. */
  let before = 0;
  const readers = new Set<() => void>();

  const next = (): number => first + frames.length;
  const tell = (): void => {
    for (const wake of readers) wake();
  };

  /** The oldest fall out, of what is done with. */
  const trim = (upTo: number): void => {
    while (frames[0] !== undefined && dropped + frames[0].length <= upTo - pool.streamRetention) {
      dropped += frames[0].length;
      first += 1;
      frames.shift();
    }
  };

  const credit = (): Credit => {
    const base = hasOwner ? acked : { items: next(), bytes };
    return { items: base.items + WINDOW_ITEMS, bytes: base.bytes + pool.streamWindow - before };
  };
  const grant = (): void => sink?.grant(credit());

  const ack = (index: number): void => {
    if (index <= acked.items) return;
    let upTo = acked.bytes;
    for (let at = Math.max(acked.items, first); at < index; at += 1) upTo += frames[at - first]?.length ?? 0;
    acked = { items: index, bytes: upTo };
    trim(upTo);
    grant();
  };

  return {
    get waits() {
      return waits;
    },
    nextFrom() {
      if (read === 0) return 0;
      return resumable ? next() : -1 - next();
    },
    begin(from, onWait) {
      if (read === 0) {
        frames = [];
        first = dropped = bytes = 0;
      }
      before = bytes;
      const made = createItemSink({
        from,
        credit: credit(),
        send(batch) {
          if (sink !== made) return;
          for (const frame of batch.items) bytes += frame.length;
          frames.push(...batch.items);
          total = batch.total;
          if (!hasOwner) trim(bytes);
          tell();
          // Not in the midst of a write.
          if (!hasOwner) queueMicrotask(grant);
        },
        onWait(now) {
          waits = now;
          onWait(now);
        },
      });
      sink = made;
      return made;
    },
    feed(callId, isOwner) {
      let ended = false;
      let closed = false;
      let wake = (): void => undefined;
      const stir = (): void => wake();
      readers.add(stir);
      return {
        async pull(from): Promise<Pulled> {
          for (;;) {
            if (closed) throw new FlameClosedError(`the stream of call ${callId} is no longer read`, { callId });
            if (from < first) {
              const message = `call ${callId}: its items from ${from} on are no longer kept, those from ${first} on are`;
              throw new FlameStreamError(message, { callId, reason: 'gone', firstIndex: first });
            }
            if (from < next()) {
              read = next();
              return {
                kind: 'items',
                first: from,
                frames: frames.slice(from - first).map((frame) => Buffer.from(frame)),
              };
            }
            if (ended) return { kind: 'end', total };
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        },
        taken(index) {
          if (isOwner) ack(index);
        },
        settled() {
          ended = true;
          wake();
        },
        close() {
          closed = true;
          readers.delete(stir);
          wake();
        },
      };
    },
  };
};

/** A feed that is looked up with the first pull. @param open `undefined` for a call that is not known: its outcome says so */
export const lateFeed = (open: () => Promise<ItemFeed | undefined>): ItemFeed => {
  let feed: ItemFeed | undefined;
  let opening: Promise<void> | undefined;
  let ended: boolean | undefined;
  let closed: boolean | undefined;
  const opened = async (): Promise<void> => {
    feed = await open();
    if (ended !== undefined) feed?.settled(ended);
    if (closed !== undefined) feed?.close(closed);
  };
  return {
    async pull(from) {
      opening ??= opened();
      await opening;
      return feed === undefined ? { kind: 'end', total: undefined } : feed.pull(from);
    },
    taken: (index) => feed?.taken(index),
    settled(ok) {
      ended = ok;
      feed?.settled(ok);
    },
    close(done) {
      closed = done;
      feed?.close(done);
    },
  };
};
