/** Small values beside a call: progress and readiness. Text in the open, or a sealed frame. */
import { type DecodeOptions, decode, packPayload, unpackPayload } from '../codec/index.ts';
import { DEFAULT_LIMIT } from '../codec/limits.ts';
import { type About, after, isSealed, type MaybePromise, type Vault } from './vault.ts';

/** @param json the codec's JSON, UTF-8 */
export const sealNote = (vault: Vault, json: Uint8Array, about: About): MaybePromise<Uint8Array> =>
  vault.seals ? vault.seal(packPayload({ json: Buffer.from(json).toString('utf8'), parts: [] }), about) : json;

/** @throws FlameSealError, FlameCodecError, also by its promise */
export const readNote = (
  vault: Vault,
  bytes: Buffer,
  about: About,
  options: DecodeOptions = {},
): MaybePromise<unknown> =>
  after(vault.open(bytes, { ...about, limit: DEFAULT_LIMIT }), (opened) =>
    decode(isSealed(bytes) ? unpackPayload(opened) : { json: bytes.toString(), parts: [] }, options),
  );
