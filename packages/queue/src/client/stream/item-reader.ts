/** The one reader of a stream. It fetches one batch ahead of whoever takes the items, and says what was taken. */
import type { ItemFeed, Pulled } from './item-feed.ts';
import { checkTotal, type ItemStreamParts } from './item-stream.ts';

export interface ItemReader extends AsyncIterableIterator<unknown> {
  next(): Promise<IteratorResult<unknown, undefined>>;
  return(): Promise<IteratorResult<unknown, undefined>>;
}

const DONE = { done: true, value: undefined } as const;

export const createItemReader = (parts: ItemStreamParts): ItemReader => {
  const { id, from, outcome, signal, decodeItem, onLeave } = parts;
  let feed: ItemFeed | undefined;
  let ahead: Promise<Pulled> | undefined;
  let frames: readonly Uint8Array[] = [];
  let at = 0;
  /** Index of the item that is handed out next. */
  let index = from;
  let over = false;
  let left = false;
  /** One after the other, however many are asked for at once. */
  let turn: Promise<unknown> = Promise.resolve();

  const open = async (): Promise<ItemFeed> => {
    if (feed !== undefined) return feed;
    const opened = await parts.feed();
    feed = opened;
    outcome().then(
      () => opened.settled(true),
      () => opened.settled(false),
    );
    if (left) opened.close(false);
    return opened;
  };

  const pull = (source: ItemFeed, next: number): Promise<Pulled> => {
    const pulling = source.pull(next);
    // It may fail before it is looked at.
    pulling.catch(() => undefined);
    return pulling;
  };

  const end = (done: boolean): void => {
    if (over) return;
    over = true;
    feed?.close(done);
  };

  const step = async (): Promise<IteratorResult<unknown, undefined>> => {
    if (over || left) return DONE;
    try {
      // The caller itself has given up.
      if (signal?.aborted) throw signal.reason;
      const source = await open();
      source.taken(index);
      while (at >= frames.length) {
        const pulled = await (ahead ?? pull(source, index));
        if (left) return DONE;
        if (pulled.kind === 'end') {
          await outcome();
          checkTotal(id, index, pulled.total);
          end(true);
          return DONE;
        }
        frames = pulled.frames;
        at = 0;
        ahead = pull(source, index + frames.length);
      }
      const value = decodeItem(frames[at] as Uint8Array);
      at += 1;
      index += 1;
      return { done: false, value };
    } catch (error) {
      if (left) return DONE;
      end(false);
      throw error;
    }
  };

  return {
    next() {
      const mine = turn.then(step);
      turn = mine.catch(() => undefined);
      return mine;
    },
    return() {
      if (!over && !left) {
        left = true;
        feed?.close(false);
        onLeave();
      }
      return Promise.resolve(DONE);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};
