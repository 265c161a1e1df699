/** With which keys secrets are sealed in this place of the program: the app's, or those of the call that runs here. */

import { appBox, type SecretBox } from '@flamejs/protocol/payload/secret-box';
import type { AppConfig } from '../config/types.ts';
import { type CallContext, maybeContext } from '../context.ts';

/** Hidden on the context of a call, where neither an inspector nor a spread finds it. Shared by all copies of this package. */
const SECRETS = Symbol.for('@flamejs/secrets');

export const giveSecrets = (context: CallContext, box: SecretBox | undefined): void => {
  Object.defineProperty(context, SECRETS, { value: box });
};

/**
 * @param scope of a process that has the app's keys: the call's id, or what begins its calls
 * @returns `undefined` when there are no keys: secrets are then refused
 */
export const secretsHere = (config: AppConfig, scope: string): SecretBox | undefined => {
  const context = maybeContext() as { readonly [SECRETS]?: SecretBox } | undefined;
  return context !== undefined && SECRETS in context
    ? context[SECRETS]
    : appBox(config.app, config.encryptionKeys, scope);
};
