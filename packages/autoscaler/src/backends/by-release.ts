/** The application of a release, for backends whose users have one image or archive per release. */
import { FlameLaunchError } from '@flamejs/queue';

/** The same for every release, or a function of the release: then runners of any release can be launched. */
export type ByRelease = string | ((release: string) => string);

export const IMAGE = /^[\w.-]+(:\d+)?(\/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/;

/**
 * @param what names the option in the error.
 * @throws FlameLaunchError of kind `invalid` when the function throws, or gives what is no such address.
 */
export const ofRelease = (value: ByRelease, release: string, pattern: RegExp, what: string): string => {
  if (typeof value === 'string') return value;
  const fail = (why: string, cause?: unknown): never => {
    throw new FlameLaunchError(`${what} for release ${release} ${why}`, { kind: 'invalid', cause });
  };
  let made: unknown;
  try {
    made = value(release);
  } catch (error) {
    return fail(`threw: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  return typeof made === 'string' && pattern.test(made) ? made : fail(`is no valid address: ${JSON.stringify(made)}`);
};

/** For `Backend.boots`: only a function of the release can bring up another one than the autoscaler's own. */
export const bootsWith = (value: ByRelease): { readonly boots?: () => boolean } =>
  typeof value === 'function' ? { boots: () => true } : {};
