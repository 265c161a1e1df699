/** Takes items from what a function returned, one at a time and no faster than they are taken off its hands. */
import type { ItemSink } from './item-sink.ts';

type Source = AsyncIterable<unknown> | Iterable<unknown>;

/** Whether a function's result is one that yields: an async iterable (web and Node streams are), or a generator. Arrays and maps are values. */
export const isStream = (value: unknown): value is Source =>
  typeof value === 'object' &&
  value !== null &&
  (Symbol.asyncIterator in value ||
    (Symbol.iterator in value && Object.prototype.toString.call(value) === '[object Generator]'));

/**
 * @param encodeItem what it throws ends the stream
 * @returns what a generator returns
 * @throws what the function throws, and the reason when the sink was stopped; the source is closed then
 */
export const pumpItems = async (
  source: Source,
  sink: ItemSink,
  encodeItem: (item: unknown) => Uint8Array,
): Promise<unknown> => {
  const items = iteratorOf(source);
  let closing: Promise<unknown> | undefined;
  const close = (): Promise<unknown> => {
    closing ??= closeIterator(items);
    return closing;
  };
  // At once, also while it waits for something else: `finally` blocks run as soon as it gets there.
  sink.onStop(close);
  try {
    for (;;) {
      const step = await items.next();
      if (sink.stopped !== undefined) throw sink.stopped.reason;
      if (step.done === true) return step.value;
      const room = sink.write(encodeItem(await step.value));
      if (room !== undefined) await room;
    }
  } catch (error) {
    await close();
    throw error;
  }
};

/** Closes what nobody will read. Never throws. */
export const closeStream = (source: Source): void => void closeIterator(iteratorOf(source));

const closeIterator = async (items: AsyncIterator<unknown> | Iterator<unknown>): Promise<void> => {
  try {
    await items.return?.();
  } catch {
    // What it is closed for is what counts.
  }
};

const iteratorOf = (source: Source): AsyncIterator<unknown> | Iterator<unknown> =>
  Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
