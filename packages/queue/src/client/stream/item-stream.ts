/** What `flame.stream` returns: the items of a call, for one reader, and what became of it. */
import { FlameDataLossError, FlameStreamError } from '@flamejs/protocol/errors';
import type { CancelResult } from '../handle.ts';
import type { CallStatus } from '../status.ts';
import type { ItemFeed } from './item-feed.ts';
import { createItemReader, type ItemReader } from './item-reader.ts';
import { ResultPromise } from './result-promise.ts';

/**
 * The items that a function yields on a runner, in their order. It has one reader: a loop, or `readable`. Leaving the loop stops the
 * function; the items wait for their reader, and the function waits with them.
 */
export interface FlameStream<Item, Result = unknown> extends AsyncIterable<Item> {
  /** Keep it to `attach` from another process. */
  readonly id: string;
  /** The same items as a web stream; takes the place of the one reader. Cancelling it stops the function. */
  readonly readable: ReadableStream<Item>;
  /**
   * What the generator returns; rejects with what ended the call, and is no unhandled rejection. Awaited while nobody reads, it reads the
   * items and drops them. `undefined` once its reader has left before the end.
   */
  readonly result: Promise<Result>;
  /** Where the call is, and whether it waits for its reader. */
  status(): Promise<CallStatus>;
  /** Stops the call. @returns what became of it @throws FlameUnavailableError */
  cancel(reason?: string): Promise<CancelResult>;
}

export interface ItemStreamParts {
  /** For messages. */
  readonly id: string;
  /** Under which others find it. */
  readonly publicId: () => string;
  readonly feed: () => Promise<ItemFeed>;
  /** How the call ends; asked for when somebody reads, or wants to know. The same promise each time. */
  readonly outcome: () => Promise<unknown>;
  /** Index of the first item that is wanted. */
  readonly from: number;
  readonly decodeItem: (frame: Uint8Array) => unknown;
  /** Its reader has left before the end. */
  readonly onLeave: () => void;
  readonly signal: AbortSignal | undefined;
  readonly status: () => Promise<CallStatus>;
  readonly cancel: (reason?: string) => Promise<CancelResult>;
}

export const createItemStream = (parts: ItemStreamParts): FlameStream<unknown> => {
  const { id, outcome, status, cancel } = parts;
  let reader: ItemReader | undefined;
  let readable: ReadableStream<unknown> | undefined;

  const take = (): ItemReader => {
    if (reader !== undefined) {
      const message = `call ${id}: its stream has a reader already; a stream is read once`;
      throw new FlameStreamError(message, { callId: id, reason: 'second-reader' });
    }
    reader = createItemReader(parts);
    return reader;
  };

  /** Nobody reads, and somebody wants to know how it ends. A reader may follow in the same breath. */
  const drop = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (reader !== undefined) return;
    const mine = take();
    while ((await mine.next()).done !== true);
  };

  return {
    get id() {
      return parts.publicId();
    },
    status,
    cancel,
    get result() {
      return ResultPromise.of(outcome(), () => void drop().catch(() => undefined));
    },
    get readable() {
      readable ??= toWebStream(take());
      return readable;
    },
    [Symbol.asyncIterator]: () => take(),
  };
};

/** Not read ahead of its reader: what is held here would count as read. */
const toWebStream = (reader: ItemReader): ReadableStream<unknown> =>
  new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await reader.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await reader.return();
      },
    },
    { highWaterMark: 0 },
  );

/** @throws FlameDataLossError when the items that were read are not all that there were */
export const checkTotal = (id: string, read: number, total: number | undefined): void => {
  if (read === total) return;
  const why =
    total === undefined
      ? `it ended without its end after ${read} items: its owner broke off, or Redis has lost the rest`
      : `${total} items were yielded and ${read} were read: Redis has lost the rest`;
  throw new FlameDataLossError(`call ${id}: ${why}`, { callId: id });
};
