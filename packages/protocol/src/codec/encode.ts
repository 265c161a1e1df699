/** Values to payloads. */
import { FlamePayloadTooLargeError } from '../errors/index.ts';
import type { SecretBox } from '../payload/secret-box.ts';
import { type EncodedTree, encodeTree } from './encoder.ts';
import { checkText, DEFAULT_LIMIT } from './limits.ts';
import { isPlain } from './plain.ts';
import type { Json, Payload } from './types.ts';
import { isStackOverflow, writeJson } from './write-json.ts';

export interface EncodeOptions {
  /** Bytes, JSON and parts together; default 16 MiB. */
  readonly limit?: number;
  /** What error messages call the value: `argument`, `result`; default `value`. */
  readonly root?: string;
  /** Copies the binary parts: the payload then stays what it is, whatever becomes of the value. Default: false. */
  readonly own?: boolean;
  /** Encrypts what `flame.secret` wraps. Without it a secret is refused. */
  readonly secrets?: SecretBox | undefined;
}

/**
 * Encodes any value of the structured-clone family, errors with all their fields, URLs, Buffers and instances of
 * registered classes. A value of JSON types only becomes plain JSON.
 *
 * The parts of the payload still are the caller's memory: pack or write them before the caller may change them.
 * @throws FlameCodecError with the path to what cannot be sent: functions, promises, streams, unregistered classes, …
 * @throws FlamePayloadTooLargeError when it needs more than `limit` bytes; what is sure to is not written out at all
 */
export function encode(value: unknown, options: EncodeOptions = {}): Payload {
  const { limit = DEFAULT_LIMIT, root = 'value', own = false, secrets } = options;
  if (isPlain(value, limit)) {
    const json = writeJson(value as Json);
    const size = Buffer.byteLength(json);
    if (size <= limit) return { json, parts: [] };
    throw tooLarge(encodeTree(value, { root, limit }), root, size, limit);
  }
  const payload = writeTree(encodeTree(value, { root, limit, secrets }), root, limit);
  return own ? { ...payload, parts: payload.parts.map((part) => new Uint8Array(part)) } : payload;
}

/** Bytes that a payload takes, without the frame around it. */
export function payloadSize(payload: Payload): number {
  let size = Buffer.byteLength(payload.json);
  for (const part of payload.parts) size += part.byteLength;
  return size;
}

/** @throws FlamePayloadTooLargeError */
export function writeTree(encoded: EncodedTree, root: string, limit: number): Payload {
  if (encoded.size > limit) throw tooLarge(encoded, root, encoded.size, limit);
  const payload: Payload = { json: stringify(encoded, root, limit), parts: encoded.parts };
  const size = payloadSize(payload);
  if (size > limit) throw tooLarge(encoded, root, size, limit);
  return payload;
}

function stringify(encoded: EncodedTree, root: string, limit: number): string {
  let json: string;
  try {
    json = writeJson(encoded.tree);
  } catch (error) {
    if (!(error instanceof RangeError) || isStackOverflow(error)) throw error;
    // The longest string that the engine can make: escapes lengthen text sixfold.
    throw tooLarge(encoded, root, encoded.size, limit);
  }
  // What the reader would refuse must not be sent. Only a text of very many values comes near its bound.
  if (json.length > MANY_CHARACTERS) checkText(json, true, limit);
  return json;
}

/** Less text than this never holds more values than any limit allows. */
const MANY_CHARACTERS = 1_000_000;

function tooLarge({ largest }: EncodedTree, root: string, size: number, limit: number): FlamePayloadTooLargeError {
  const most = largest === undefined ? '' : `; the largest value is ${largest.path} with ${bytes(largest.size)}`;
  return new FlamePayloadTooLargeError(`${root} takes ${bytes(size)}, over the limit of ${bytes(limit)}${most}`, {
    size,
    limit,
  });
}

const bytes = (count: number): string => `${count.toLocaleString('en-US')} bytes`;
