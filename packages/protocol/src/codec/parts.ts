/** Binary data of a payload: base64 in a node, or a part that the node names. Each part belongs to one node only. */
import { countField, field, textField } from './fields.ts';
import { badPayload } from './refusal.ts';
import type { Decoder, Node } from './types.ts';

/** Smaller parts are copied: they would be slices of a pool that other data shares, or keep a large frame alive. */
const SHARED_BYTES = 64 * 1024;
/** A value may keep at most this many times its own size alive. */
const SHARED_RATIO = 4;

/** Parts that were cut from a frame: nobody else has that memory, so a value may take it over. What `encode` gives out still is its caller's. */
const fromFrames = new WeakSet<Uint8Array>();

/** Says that a part is memory of a frame that came in. */
export function markFromFrame(part: Uint8Array): void {
  if (part.byteLength >= SHARED_BYTES) fromFrames.add(part);
}

export function partReader(parts: readonly Uint8Array[]): Pick<Decoder, 'bytes' | 'ownBuffer'> & { finish(): void } {
  const taken = new Set<number>();

  const take = (node: Node): { bytes: Uint8Array; fresh: boolean } => {
    const length = countField(node, 'n', Number.MAX_SAFE_INTEGER);
    const inline = field(node, 'p') === undefined;
    const bytes = inline ? fromBase64(textField(node, 'b')) : takePart(countField(node, 'p', Number.MAX_SAFE_INTEGER));
    if (bytes.byteLength !== length) throw badPayload('binary data of another length than its node says');
    return { bytes, fresh: inline };
  };

  const takePart = (index: number): Uint8Array => {
    const part = parts[index];
    if (part === undefined) throw badPayload('a binary part that is not there');
    // Two nodes on one part would share memory, or copy it as often as a hostile writer likes.
    if (taken.has(index)) throw badPayload('a binary part that is used twice');
    taken.add(index);
    return part;
  };

  return {
    bytes(node, align) {
      const { bytes, fresh } = take(node);
      return fresh || (isWorthSharing(bytes) && bytes.byteOffset % align === 0) ? bytes : copyOf(bytes);
    },
    ownBuffer(node) {
      const { bytes, fresh } = take(node);
      return fresh ? (bytes.buffer as ArrayBuffer) : copyOf(bytes).buffer;
    },
    finish() {
      if (taken.size !== parts.length) throw badPayload('a binary part that no value uses');
    },
  };
}

const isWorthSharing = (bytes: Uint8Array): boolean =>
  bytes.byteLength >= SHARED_BYTES &&
  fromFrames.has(bytes) &&
  bytes.byteLength * SHARED_RATIO >= bytes.buffer.byteLength &&
  bytes.buffer instanceof ArrayBuffer;

function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

function fromBase64(text: string): Uint8Array {
  const decoded = Buffer.from(text, 'base64');
  // Node skips what is no base64: only text that it would write itself is what a writer meant.
  if (decoded.toString('base64') !== text) throw badPayload('binary data that is not base64');
  return copyOf(decoded);
}
