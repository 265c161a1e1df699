/** Small values beside a call: progress and readiness. Text in the open, or a sealed frame. */
import { type DecodeOptions, decode, encode, packPayload, unpackPayload } from '../codec/index.ts';
import { DEFAULT_LIMIT } from '../codec/limits.ts';
import { FlameCodecError } from '../errors/index.ts';
import type { SecretBox } from './secret-box.ts';
import { type About, after, isSealed, type MaybePromise, type Vault } from './vault.ts';

/**
 * @param what `progress` or `ready`, for errors
 * @returns the codec's JSON, UTF-8
 * @throws FlameCodecError for what cannot be sent, and for binary data past a few hundred bytes
 */
export const encodeNote = (value: unknown, what: string, secrets: SecretBox | undefined): Uint8Array => {
  const { json, parts } = encode(value, { root: what, secrets });
  if (parts.length === 0) return Buffer.from(json, 'utf8');
  throw new FlameCodecError(`${what} carries no binary data: report numbers and text, and return the bytes`, {
    path: what,
  });
};

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
