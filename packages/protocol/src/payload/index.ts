/** What happens to the bytes of calls in Redis: compression, encryption, or a transform of your own. */
export { type CompressOptions, compress } from './compress.ts';
export { type EncryptOptions, encrypt } from './encrypt.ts';
export type { KeyedTransform, PayloadContext, PayloadKind, PayloadTransform } from './types.ts';
