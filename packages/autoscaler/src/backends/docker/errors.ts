/** What an answer of the Engine API means for a launch. */
import { FlameLaunchError, type LaunchErrorKind } from '@flamejs/queue';

export const statusOf = (error: unknown): number | undefined => {
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
};

/** Docker says 409; podman says 500 when two ask at the same moment. */
export const isNameTaken = (error: unknown): boolean =>
  statusOf(error) === 409 ||
  (statusOf(error) === 500 && error instanceof Error && /name .* is already in use/.test(error.message));

/** @param doing what was attempted: `create the container images-x`. */
export const dockerError = (doing: string, error: unknown): FlameLaunchError => {
  if (error instanceof FlameLaunchError) return error;
  const status = statusOf(error);
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : null;
  const kind = kindOf(status, code);
  const text = error instanceof Error ? error.message : String(error);
  return new FlameLaunchError(`Docker did not ${doing}: ${text}`, {
    kind,
    providerCode: status === undefined ? code : `HTTP ${status}`,
    cause: error,
    advice: ADVICE[kind],
  });
};

const kindOf = (status: number | undefined, code: string | null): LaunchErrorKind => {
  if (status === 401 || status === 403 || code === 'EACCES') return 'auth';
  if (status === 429) return 'throttled';
  if (status !== undefined && status >= 400 && status < 500) return 'invalid';
  // A 5xx, a cut connection, a daemon that is not there: a container may have been made.
  return 'unknown';
};

const ADVICE: Readonly<Record<LaunchErrorKind, string>> = {
  capacity: 'Free memory or disk on the host.',
  quota: 'Lower `max`.',
  throttled: 'The registry limits pulls: log in, or pull the image beforehand.',
  auth: "Give this process access to Docker's socket, or log in to the registry.",
  invalid: 'Correct the options of docker(): Docker refuses the container as it is.',
  unknown: 'Look whether the Docker daemon runs; the same container is asked for again.',
};
