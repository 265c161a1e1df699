/** What an answer of the API server means for a launch. */
import { FlameLaunchError, type LaunchErrorKind } from '@flamejs/queue';
import { ApiError, type ApiStatus } from './api.ts';

/** @param doing what was attempted: `create the pod images-x`. */
export const kubernetesError = (doing: string, error: unknown): FlameLaunchError => {
  if (error instanceof FlameLaunchError) return error;
  const status = error instanceof ApiError ? error.status : undefined;
  const text = error instanceof Error ? error.message : String(error);
  const kind = kindOf(status);
  return new FlameLaunchError(`Kubernetes did not ${doing}: ${text}`, {
    kind,
    providerCode: status === undefined ? null : `HTTP ${status.code}${status.reason ? ` ${status.reason}` : ''}`,
    cause: error,
    advice: ADVICE[kind],
  });
};

const kindOf = (status: ApiStatus | undefined): LaunchErrorKind => {
  // No answer, and a 5xx, leave open whether it was done.
  if (status === undefined || status.code >= 500 || status.code === 408) return 'unknown';
  if (status.code === 429) return 'throttled';
  // Two that change the same quota meet: nothing was made, and the next try may work.
  if (status.code === 409 && status.reason === 'Conflict') return 'throttled';
  if (status.code === 401) return 'auth';
  if (status.code !== 403) return 'invalid';
  if (/exceeded quota|insufficient quota/i.test(status.message)) return 'quota';
  // A verb that is not granted; what an admission refuses is forbidden too, and is the pod's fault.
  return /cannot (get|list|watch|create|delete) resource/i.test(status.message) ? 'auth' : 'invalid';
};

const ADVICE: Readonly<Record<LaunchErrorKind, string>> = {
  capacity: 'Add nodes, or ask for less with `memory` and `cpus`.',
  quota: 'Raise the ResourceQuota of the namespace, or lower `max`.',
  throttled: 'The API server is busy; it is asked again, less often.',
  auth: "Give the autoscaler's service account the rights of docker/kubernetes/base/rbac.yaml.",
  invalid: 'Correct the options of kubernetes(), or what the namespace admits.',
  unknown: 'Look whether the API server answers; the same pod is asked for again.',
};
