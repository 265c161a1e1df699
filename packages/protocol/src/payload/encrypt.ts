/** Encryption at rest: what Redis holds of a call can be read and made only by those who have the app's keys. */
import { ENCRYPTED, openGcm, sealGcm } from './gcm.ts';
import { deriveKey } from './keys.ts';
import type { EncryptionKey, KeyedTransform, PayloadContext, PayloadTransform } from './types.ts';

export interface EncryptOptions {
  /**
   * How far the roll-out to a running app has come. `'prepare'` opens what others have encrypted and encrypts nothing;
   * `'introduce'` encrypts, and still accepts what was stored in the open; `'enforce'` (default) refuses that.
   */
  readonly stage?: 'prepare' | 'introduce' | 'enforce';
}

/**
 * AES-256-GCM with the app's `encryptionKeys`: the first encrypts, all decrypt. Bytes are bound to their app, call and kind:
 * a result that is moved to another call, or taken for arguments, does not open.
 */
export const encrypt = ({ stage = 'enforce' }: EncryptOptions = {}): KeyedTransform => ({
  name: 'encrypt',
  withKeys: (keys): PayloadTransform => ({
    name: 'encrypt',
    hides: stage !== 'prepare',
    acceptsUnsealed: stage !== 'enforce',
    opensOnly: stage === 'prepare',
    seal(bytes, about) {
      const [first] = keys;
      if (first === undefined) throw new Error('there is no key');
      return sealGcm({ id: first.id, key: deriveKey(first, purposeOf(about)) }, about.kind, bytes);
    },
    open(bytes, about) {
      // Sealed by a process that does not encrypt yet: compressed only.
      if (bytes[0] !== ENCRYPTED && stage !== 'enforce') return bytes;
      return openGcm((id) => keyFor(keys, id, about), about.kind, bytes);
    },
  }),
});

const keyFor = (keys: readonly EncryptionKey[], id: string, about: PayloadContext): Uint8Array | undefined => {
  const key = keys.find((known) => known.id === id);
  return key === undefined ? undefined : deriveKey(key, purposeOf(about));
};

/** A key for each call, and for each stream: so many messages that nonces could repeat are never sealed with one. */
const purposeOf = ({ app, callId, part }: PayloadContext): string =>
  JSON.stringify(part === undefined ? ['payload', app, callId] : ['payload', app, callId, part]);
