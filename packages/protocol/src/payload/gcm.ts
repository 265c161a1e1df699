/**
 * AES-256-GCM with the key's id in front:
 *
 *     u8 mark | u8 length of the id | id | 12 bytes nonce | 16 bytes tag | ciphertext
 *
 * `about` is authenticated with it, so that bytes open only for what they were sealed for.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** No frame of the codec and no output of `compress` begins with it. */
export const ENCRYPTED = 2;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';

export interface NamedKey {
  readonly id: string;
  readonly key: Uint8Array;
}

/** @param nonce never the same for two plaintexts under one key */
export const sealGcm = (
  { id, key }: NamedKey,
  about: string,
  plain: Uint8Array,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): Buffer => {
  const name = Buffer.from(id);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(about));
  const body = cipher.update(plain);
  const end = cipher.final();
  return Buffer.concat([Buffer.of(ENCRYPTED, name.length), name, nonce, cipher.getAuthTag(), body, end]);
};

const BRAND = Symbol.for('@flamejs/gcm-problem');

/**
 * Why bytes do not open. Also one of another copy of this module is known by `instanceof`: the program of a runner is a bundle,
 * and the transforms of a config come from the package beside it.
 */
export class GcmProblem extends Error {
  readonly reason: 'no-key' | 'tampered';
  readonly [BRAND] = true;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  constructor(reason: GcmProblem['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** @throws GcmProblem */
export const openGcm = (find: (id: string) => Uint8Array | undefined, about: string, bytes: Uint8Array): Buffer => {
  const sealed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const idBytes = sealed[1] ?? 0;
  const body = 2 + idBytes + NONCE_BYTES + TAG_BYTES;
  if (sealed[0] !== ENCRYPTED || sealed.length < body)
    throw new GcmProblem('tampered', 'it is cut off or of another kind');
  const id = sealed.toString('utf8', 2, 2 + idBytes);
  const key = find(id);
  if (key === undefined) {
    throw new GcmProblem(
      'no-key',
      `it was sealed with key ${JSON.stringify(id.slice(0, 40))}, which is not configured here`,
    );
  }
  const nonce = sealed.subarray(2 + idBytes, 2 + idBytes + NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(about));
  decipher.setAuthTag(sealed.subarray(body - TAG_BYTES, body));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(body)), decipher.final()]);
  } catch {
    throw new GcmProblem(
      'tampered',
      `it does not open with key ${JSON.stringify(id)}: it was changed, belongs to another call, or the key of that id is another one there`,
    );
  }
};
