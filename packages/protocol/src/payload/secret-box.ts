/**
 * Seals the values that `flame.secret` wraps, apart from everything else. Its keys are made for one scope, which is a call
 * or what begins one: an executor is given those of the call that it runs, never the app's own.
 */
import { createHmac } from 'node:crypto';
import { FlameSealError } from '../errors/index.ts';
import { GcmProblem, type NamedKey, openGcm, sealGcm } from './gcm.ts';
import { deriveKey } from './keys.ts';
import type { EncryptionKey } from './types.ts';

/** What is passed to an executor: enough for the secrets of one scope. */
export interface ScopeKeys {
  readonly scope: string;
  /** The first encrypts, all decrypt. */
  readonly keys: readonly NamedKey[];
}

export interface SecretBox {
  readonly scope: string;
  seal(plain: Uint8Array): Uint8Array;
  /** @param scope what the secret was sealed for @throws FlameSealError */
  open(scope: string, bytes: Uint8Array): Uint8Array;
}

/** @returns `undefined` when the app has no keys */
export const scopeKeys = (app: string, keys: readonly EncryptionKey[], scope: string): ScopeKeys | undefined =>
  keys.length === 0
    ? undefined
    : { scope, keys: keys.map((key) => ({ id: key.id, key: deriveKey(key, JSON.stringify(['secret', app, scope])) })) };

/** For an executor. @param given from its runner; `undefined` when the app has no keys */
export const scopeBox = (given: ScopeKeys | undefined): SecretBox | undefined =>
  given === undefined
    ? undefined
    : boxOver(
        given.scope,
        () => given.keys,
        (scope) => (scope === given.scope ? given.keys : []),
      );

/** For a process that has the app's keys: it opens the secrets of every scope. */
export const appBox = (app: string, keys: readonly EncryptionKey[], scope: string): SecretBox | undefined =>
  keys.length === 0
    ? undefined
    : boxOver(
        scope,
        () => scopeKeys(app, keys.slice(0, 1), scope)?.keys ?? [],
        (of) => scopeKeys(app, keys, of)?.keys ?? [],
      );

const boxOver = (
  scope: string,
  sealing: () => readonly NamedKey[],
  keysOf: (scope: string) => readonly NamedKey[],
): SecretBox => ({
  scope,
  seal(plain) {
    const [first] = sealing();
    if (first === undefined) throw new FlameSealError('there is no key to seal a secret with', { reason: 'no-key' });
    return sealGcm(first, scope, plain, nonceFor(first, plain));
  },
  open(of, bytes) {
    const keys = keysOf(of);
    try {
      return openGcm((id) => keys.find((key) => key.id === id)?.key, of, bytes);
    } catch (error) {
      if (!(error instanceof GcmProblem)) throw error;
      const foreign = keys.length === 0 ? ': the function that asks runs in another call' : '';
      throw new FlameSealError(`a secret of ${of} cannot be revealed${foreign}: ${error.message}`, {
        callId: of,
        reason: error.reason,
      });
    }
  },
});

/**
 * Made from the plaintext, so that the same arguments give the same bytes: a call with an `id` of its own is compared by
 * them. Within one scope it shows which secrets are equal, and nothing else.
 */
const nonceFor = ({ key }: NamedKey, plain: Uint8Array): Uint8Array =>
  createHmac('sha256', key).update('nonce').update(plain).digest().subarray(0, 12);
