/**
 * Where a function's items go on their way out of its process: in batches by time and size, the first at once, and no more than its
 * reader has room for. Used in executors and in inline mode.
 */

/** What may have been written since the beginning. */
export interface Credit {
  readonly items: number;
  readonly bytes: number;
}

export interface Batch {
  /** Index of its first item. */
  readonly first: number;
  readonly items: readonly Uint8Array[];
  /** Bytes of its items. */
  readonly size: number;
  /** Items in all, with the last batch. */
  readonly total: number | undefined;
}

export interface ItemSink {
  /** Takes a packed item. @returns what to wait for before the next one; rejects with the reason when the stream is stopped */
  write(frame: Uint8Array): Promise<void> | undefined;
  /** More may be written. */
  grant(credit: Credit): void;
  /** Nothing more is wanted. The first reason stands. */
  stop(reason: unknown): void;
  /** Told once when it is stopped. */
  onStop(listener: () => void): void;
  readonly stopped: { readonly reason: unknown } | undefined;
  /** Sends what is held back, and how many there were. */
  end(): void;
}

export interface ItemSinkOptions {
  /** Index of the first item. */
  readonly from: number;
  readonly credit: Credit;
  readonly send: (batch: Batch) => void;
  /** Told when it begins, and when it ends, to wait for its reader. */
  readonly onWait?: (waits: boolean) => void;
}

const BATCH_MS = 5;
const BATCH_BYTES = 64 * 1024;
const BATCH_ITEMS = 256;

export const createItemSink = ({ from, credit, send, onWait }: ItemSinkOptions): ItemSink => {
  let allowed = credit;
  let next = from;
  let bytes = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let sentAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let waiter: { readonly resolve: () => void; readonly reject: (reason: unknown) => void } | undefined;
  let stopped: ItemSink['stopped'];
  let ended = false;
  const listeners: (() => void)[] = [];

  const flush = (total?: number): void => {
    clearTimeout(timer);
    timer = undefined;
    if (held.length === 0 && total === undefined) return;
    const batch: Batch = { first: next - held.length, items: held, size: heldBytes, total };
    held = [];
    heldBytes = 0;
    sentAt = performance.now();
    send(batch);
  };

  const isFull = (): boolean => next >= allowed.items || bytes >= allowed.bytes;

  return {
    get stopped() {
      return stopped;
    },
    write(frame) {
      held.push(frame);
      heldBytes += frame.length;
      bytes += frame.length;
      next += 1;
      const isLarge = heldBytes >= BATCH_BYTES || held.length >= BATCH_ITEMS;
      if (isLarge || isFull() || performance.now() - sentAt >= BATCH_MS) flush();
      else timer ??= setTimeout(flush, BATCH_MS);
      if (isFull()) {
        onWait?.(true);
        return new Promise((resolve, reject) => {
          waiter = { resolve, reject };
        });
      }
      // A function that never waits must not keep this process from hearing that it is to stop.
      return isLarge ? new Promise((resolve) => setImmediate(resolve)) : undefined;
    },
    grant(more) {
      allowed = { items: Math.max(allowed.items, more.items), bytes: Math.max(allowed.bytes, more.bytes) };
      if (isFull()) return;
      if (waiter !== undefined) onWait?.(false);
      waiter?.resolve();
      waiter = undefined;
    },
    stop(reason) {
      if (stopped !== undefined || ended) return;
      stopped = { reason };
      waiter?.reject(reason);
      waiter = undefined;
      for (const listener of listeners) listener();
    },
    onStop: (listener) => void listeners.push(listener),
    end() {
      ended = true;
      flush(next);
    },
  };
};
