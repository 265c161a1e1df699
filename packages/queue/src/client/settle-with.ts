/** Turns stored outcomes back into values and errors. */
import { DEFAULT_LIMIT, decode, unpackPayload } from '@flamejs/protocol/codec';
import type { Outcome } from '@flamejs/protocol/outcome';
import type { SecretBox } from '@flamejs/protocol/payload/secret-box';

/**
 * Turns a stored outcome into the promise's end.
 * @param outcome opened
 * @returns whether its value could be read
 * @param local an error made at the call site: an error from a runner gets its stack appended, so that it shows both sides
 */
export const settleWith = (
  outcome: Outcome,
  secrets: SecretBox | undefined,
  local: Error,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): boolean => {
  let value: unknown;
  try {
    // Its size was bounded where it was encoded, by a limit that may be larger than the default.
    const limit = Math.max(DEFAULT_LIMIT, outcome.body.length);
    value = decode(unpackPayload(outcome.body), { limit, secrets });
  } catch (error) {
    reject(error);
    return false;
  }
  if (outcome.head.ok) {
    resolve(value);
    return true;
  }
  if (value instanceof Error) addLocalStack(value, local);
  reject(value);
  return true;
};

const addLocalStack = (error: Error, local: Error): void => {
  const remote = error.stack ?? `${error.name}: ${error.message}`;
  const frames = (local.stack ?? '').split('\n').slice(1).join('\n');
  Object.defineProperty(error, 'remoteStack', { value: remote, enumerable: false, configurable: true, writable: true });
  Object.defineProperty(error, 'stack', {
    value: `${remote}\n    -- called from --\n${frames}`,
    enumerable: false,
    configurable: true,
    writable: true,
  });
};
