/** Turns stored outcomes back into values and errors. */
import { DEFAULT_LIMIT, decode, unpackPayload } from '@flamejs/protocol/codec';
import type { Outcome } from '@flamejs/protocol/outcome';
import type { SecretBox } from '@flamejs/protocol/payload/secret-box';

export interface Reading {
  readonly secrets: SecretBox | undefined;
  /** Bytes, of the call's pool. */
  readonly payloadLimit: number;
}

/**
 * Turns a stored outcome into the promise's end.
 * @param outcome opened
 * @returns whether its value could be read
 * @param local an error made at the call site: an error from a runner gets its stack appended, so that it shows both sides
 */
export const settleWith = (
  outcome: Outcome,
  { secrets, payloadLimit }: Reading,
  local: Error,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): boolean => {
  let value: unknown;
  try {
    // Its size was bounded where it was encoded, by a limit that may be larger than the one here.
    const limit = Math.max(DEFAULT_LIMIT, payloadLimit, outcome.body.length);
    value = decode(unpackPayload(outcome.body), { limit, secrets });
  } catch (error) {
    reject(error);
    return false;
  }
  if (outcome.head.ok) {
    resolve(value);
    return true;
  }
  reject(withCallSite(value, local));
  return true;
};

const MARK = '    -- called from --';

/**
 * Lets the stack of an error from elsewhere, a runner or a timer, end with the frames of who called: its own are in
 * `remoteStack` then. An error that has them already, or that is the caller's own, stays as it is.
 * @param local an error made at the call site
 * @returns what was given
 */
export const withCallSite = <T>(error: T, local: Error): T => {
  if (!(error instanceof Error)) return error;
  if (Object.hasOwn(error, 'remoteStack')) return error;
  const remote = String(error.stack ?? `${error.name}: ${error.message}`);
  const frames = (local.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  hide(error, 'remoteStack', remote);
  hide(error, 'stack', `${remote}\n${MARK}\n${frames.join('\n')}`);
  return error;
};

const hide = (error: Error, key: string, value: string): void => {
  // A frozen error keeps what it has.
  Reflect.defineProperty(error, key, { value, enumerable: false, configurable: true, writable: true });
};
