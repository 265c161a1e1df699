/**
 * What bytes have to be on their way to Redis: its client takes a plain `Uint8Array`, as threads, WebCrypto and many libraries
 * give them, for an object, and stores its numbers as text.
 */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
