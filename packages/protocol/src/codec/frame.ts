/**
 * One payload as one run of bytes:
 *
 *     u8 version and flags | u8[3] zero | u32 JSON bytes | u32 parts | u32 bytes of each part | JSON | parts
 *
 * Little endian. The JSON and each part start at a multiple of 8, padded with zeros, so that views of any element size can
 * use a frame's memory where it lies at such an address itself.
 */
import { markFromFrame } from './parts.ts';
import { badPayload, codecError } from './refusal.ts';
import type { Payload } from './types.ts';

/** High half: version; low half: flags. The flag of a sealed frame is set by the vault, which also takes it off. */
const VERSION_1 = 0x10;
const SEALED = VERSION_1 | 0x01;
const FIXED_HEAD = 12;
const ALIGN = 8;
const MAX_LENGTH = 2 ** 32 - 1;

/**
 * @param allocate gives memory for so many bytes, with anything in it
 * @returns a self-contained copy: the payload's parts may change afterwards.
 */
export function packPayload(payload: Payload, allocate: (bytes: number) => Buffer = Buffer.allocUnsafe): Buffer {
  const { json, parts } = payload;
  const jsonBytes = Buffer.byteLength(json);
  const head = align(FIXED_HEAD + 4 * parts.length);
  let end = head + jsonBytes;
  for (const part of parts) end = align(end) + part.byteLength;
  if (end > MAX_LENGTH)
    throw codecError('', 'is larger than 4 GiB', 'Put the data into object storage, and send its address.');

  const frame = allocate(end);
  frame.fill(0, 0, head);
  frame[0] = VERSION_1;
  frame.writeUInt32LE(jsonBytes, 4);
  frame.writeUInt32LE(parts.length, 8);
  let at = head + frame.write(json, head, 'utf8');
  parts.forEach((part, index) => {
    frame.writeUInt32LE(part.byteLength, FIXED_HEAD + 4 * index);
    const start = align(at);
    frame.fill(0, at, start);
    frame.set(part, start);
    at = start + part.byteLength;
  });
  return frame;
}

/**
 * @returns the payload in a frame; its parts are views of `bytes`, without a copy. Decoding it may hand large ones on to the
 * value, so `bytes` belongs to that value afterwards: unpack a copy to decode it more than once.
 * @throws FlameCodecError when it is no whole frame, or of a later version
 */
export function unpackPayload(bytes: Uint8Array): Payload {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (frame.length < FIXED_HEAD) throw badPayload('it is cut off');
  if (frame[0] === SEALED)
    throw badPayload('it is sealed, and the config of this process has no `payload` to open it with');
  if (frame[0] !== VERSION_1) throw badPayload(`its frame is of kind ${frame[0]}, this version reads ${VERSION_1}`);
  const jsonBytes = frame.readUInt32LE(4);
  const count = frame.readUInt32LE(8);
  const head = align(FIXED_HEAD + 4 * count);
  if (head + jsonBytes > frame.length) throw badPayload('it is cut off');
  const parts: Uint8Array[] = [];
  let at = head + jsonBytes;
  for (let i = 0; i < count; i += 1) {
    const start = align(at);
    at = start + frame.readUInt32LE(FIXED_HEAD + 4 * i);
    if (at > frame.length) throw badPayload('it is cut off');
    const part = bytes.subarray(start, at);
    markFromFrame(part);
    parts.push(part);
  }
  if (at !== frame.length) throw badPayload('bytes follow its end');
  return { json: frame.toString('utf8', head, head + jsonBytes), parts };
}

const align = (offset: number): number => Math.ceil(offset / ALIGN) * ALIGN;
