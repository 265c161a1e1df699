/** Secrets: their value is a frame of its own, encrypted, and opened only when the function asks for it. */
import { isSecret, Secret } from '../../secret.ts';
import { textField } from '../fields.ts';
import { badPayload } from '../refusal.ts';
import type { LeafTag } from '../types.ts';

/** Longer than any call id or schedule. */
const MAX_SCOPE = 2_000;

export const secretTag: LeafTag = {
  name: 'Secret',
  bare: true,
  encode(value, encoder) {
    if (!isSecret(value))
      return encoder.refuse('is no secret, although it says so', 'Make it with `flame.secret(value)`.');
    const { secrets } = encoder;
    if (secrets === undefined) {
      return encoder.refuse(
        'is a secret, and there is no key to encrypt it with',
        'Set `encryptionKeys` in the config, or FLAME_ENCRYPTION_KEYS, for callers and runners.',
      );
    }
    return { $: 'Secret', s: secrets.scope, ...encoder.bytes(secrets.seal(encoder.frame(value.reveal()))) };
  },
  decode(node, decoder) {
    const scope = textField(node, 's');
    if (scope.length > MAX_SCOPE) throw badPayload('a Secret with too long a scope');
    const bytes = decoder.bytes(node, 1);
    return decoder.keep(Secret.sealed(() => decoder.reveal(scope, bytes)));
  },
};
