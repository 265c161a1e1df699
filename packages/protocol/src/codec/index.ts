/** How values travel: see `encode` and `decode`. */
export { type DecodeOptions, decode } from './decode.ts';
export { type EncodeOptions, encode, payloadSize } from './encode.ts';
export { packPayload, unpackPayload } from './frame.ts';
export { DEFAULT_LIMIT } from './limits.ts';
export { type ClassCodec, registerClass, registerError } from './registry.ts';
export { DEFAULT_ERROR_LIMIT, describeThrown, encodeThrown } from './thrown.ts';
export type { Payload } from './types.ts';
