/** A batch of items as it travels and as it is stored: a frame of the codec with the items as its parts, each a packed value. */
import { packPayload, unpackPayload } from '../codec/frame.ts';
import { FlameDataLossError } from '../errors/call-errors.ts';
import { finite } from '../stored.ts';

/** What a batch is of. It is sealed with the items, so that none can be taken for another. */
export interface ChunkHead {
  readonly generation: number;
  /** The pick-up (`ats`) that wrote it. */
  readonly attempt: number;
  /** Index of its first item. */
  readonly first: number;
  readonly count: number;
  /** How many items there are in all; in the last batch alone. */
  readonly total: number | undefined;
}

export interface Chunk extends ChunkHead {
  readonly items: readonly Uint8Array[];
}

export const packChunk = ({ generation, attempt, first, total, items }: Omit<Chunk, 'count'>): Buffer =>
  packPayload({ json: JSON.stringify([generation, attempt, first, total ?? -1]), parts: [...items] });

/** @throws FlameCodecError, or FlameDataLossError when it is not the batch that `expected` says */
export const unpackChunk = (
  bytes: Uint8Array,
  expected: Omit<ChunkHead, 'total'> & { readonly callId: string },
): Chunk => {
  const { json, parts } = unpackPayload(bytes);
  const [generation, attempt, first, total] = (JSON.parse(json) as unknown[]).map(finite) as [
    number,
    number,
    number,
    number,
  ];
  const chunk = { generation, attempt, first, count: parts.length, total: total < 0 ? undefined : total };
  const isSame =
    generation === expected.generation &&
    attempt === expected.attempt &&
    first === expected.first &&
    parts.length === expected.count;
  if (isSame) return { ...chunk, items: parts };
  const { callId } = expected;
  throw new FlameDataLossError(`call ${callId}: what Redis holds as its items ${expected.first} on are other ones`, {
    callId,
  });
};

/** The reason of a cancellation by which its owner breaks off. */
export const READER_DONE = 'its reader has what it wanted';

/** The part of a stream's key that is its own: items of one attempt do not open as those of another. */
export const sealedAs = (generation: number, attempt: number): string => `result ${generation} ${attempt}`;

export interface Tail {
  readonly first: number;
  readonly count: number;
  readonly resumable: boolean;
  /** How long the stream is kept from now on, ms. */
  readonly ttlMs: number;
  /** Sealed; empty when the stream ends with what stands there. */
  readonly body: Uint8Array;
}

/** @returns the end of a stream as settle.lua takes it */
export const packTail = ({ first, count, resumable, ttlMs, body }: Tail): Buffer =>
  Buffer.concat([Buffer.from(`${first} ${count} ${kindOf(resumable)} ${ttlMs}\n`), body]);

export const kindOf = (resumable: boolean): string => (resumable ? 'r' : '1');
