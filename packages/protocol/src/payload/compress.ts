/** Compression of what Redis holds. Small and incompressible bytes stay as they are. */
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { FlamePayloadTooLargeError } from '../errors/index.ts';
import type { PayloadTransform } from './types.ts';

export interface CompressOptions {
  /** 1 (fastest) to 9 (smallest). Default: 3. */
  readonly level?: number;
  /** Bytes below which nothing is compressed. Default: 1024. */
  readonly above?: number;
}

/** No frame of the codec and nothing encrypted begins with it. */
const DEFLATED = 1;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw) as (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

/** Put it before `encrypt()`: what is encrypted cannot be compressed. */
export const compress = ({ level = 3, above = 1024 }: CompressOptions = {}): PayloadTransform => ({
  name: 'compress',
  hides: false,
  acceptsUnsealed: true,
  seal: (bytes) => (bytes.length < above ? bytes : smaller(bytes, level)),
  open: (bytes, { callId, kind, limit }) => (bytes[0] === DEFLATED ? inflated(bytes, callId, kind, limit) : bytes),
});

const smaller = async (bytes: Uint8Array, level: number): Promise<Uint8Array> => {
  const body = await (deflate as (b: Uint8Array, o: { level: number }) => Promise<Buffer>)(bytes, { level });
  return body.length + 1 < bytes.length ? Buffer.concat([Buffer.of(DEFLATED), body]) : bytes;
};

/** Stops at the limit: a few kilobytes can hold gigabytes of zeros. */
const inflated = async (bytes: Uint8Array, callId: string, kind: string, limit: number): Promise<Uint8Array> => {
  try {
    return await inflate(bytes.subarray(1), { maxOutputLength: limit });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error;
    const message = `call ${callId}: its ${kind} is larger than the limit of ${limit.toLocaleString('en-US')} bytes once it is decompressed`;
    throw new FlamePayloadTooLargeError(message, { callId, size: limit + 1, limit });
  }
};
