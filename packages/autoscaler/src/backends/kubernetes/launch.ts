/** Creates a pod; whoever asks for the same runner again gets the pod that there is, ended or not. */
import { FlameLaunchError, type Instance, type LaunchRequest } from '@flamejs/queue';
import { type Api, ApiError, isRefusal } from './api.ts';
import { kubernetesError } from './errors.ts';
import { LABEL, type Pod, podPath, podsPath } from './pod.ts';
import { labelText } from './pod-spec.ts';
import type { Time } from './time.ts';
import { toInstance } from './to-instance.ts';
import type { View } from './view.ts';

export interface LaunchParts {
  readonly api: Api;
  readonly namespace: string;
  readonly view: View;
  readonly time: Time;
}

/** Tries of one launch against a quota that others change too. */
const TRIES = 4;
const PAUSE_MS = 100;

/** @param body the pod @throws FlameLaunchError */
export const launchPod = async (
  request: LaunchRequest,
  body: unknown,
  { api, namespace, view, time }: LaunchParts,
  signal: AbortSignal,
): Promise<Instance> => {
  const doing = `create the pod ${request.runnerId}`;
  const gone = view.goneOf(request.runnerId);
  // A late replay of what has come and gone brings nothing back.
  if (gone !== undefined) return toInstance(gone, { deleted: true });
  for (let tries = 1; ; tries += 1) {
    try {
      const asked = { method: 'POST', path: podsPath(namespace), query: { fieldValidation: 'Strict' }, body } as const;
      return found((await api.send(asked, signal)) as Pod, request, view);
    } catch (error) {
      if (isRefusal(error, 409, 'Conflict') && tries < TRIES) {
        await time.sleep(PAUSE_MS * 2 ** tries, signal);
        continue;
      }
      if (!isDefinite(error)) throw kubernetesError(doing, error);
      // A quota or an admission may refuse before the server looks whether the pod is there already: by a try whose answer was lost.
      const there = await lookUp(request, { api, namespace }, signal);
      if (there !== undefined) return found(there, request, view);
      throw isRefusal(error, 409, 'AlreadyExists')
        ? new FlameLaunchError(`Kubernetes did not ${doing}: it exists, and is gone when it is looked at`, {
            kind: 'unknown',
            cause: error,
          })
        : kubernetesError(doing, error);
    }
  }
};

/** The server has said no; that nothing answered says nothing. */
const isDefinite = (error: unknown): boolean =>
  error instanceof ApiError && error.status !== undefined && error.status.code < 500 && error.status.code !== 408;

const lookUp = async (
  { runnerId }: LaunchRequest,
  { api, namespace }: Pick<LaunchParts, 'api' | 'namespace'>,
  signal: AbortSignal,
): Promise<Pod | undefined> => {
  try {
    return (await api.send({ method: 'GET', path: podPath(namespace, runnerId) }, signal)) as Pod;
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    // Without the right to look nothing can be told apart: the refusal counts as it came. Anything else may pass.
    if (isRefusal(error, 403) || isRefusal(error, 401)) return undefined;
    throw new FlameLaunchError(
      `Kubernetes refused the pod ${runnerId}, and whether it is there already cannot be looked up: ${error instanceof Error ? error.message : String(error)}`,
      { kind: 'unknown', cause: error },
    );
  }
};

const found = (pod: Pod, request: LaunchRequest, view: View): Instance => {
  const { labels = {} } = pod.metadata;
  const agrees =
    labels[LABEL.app] === labelText(request.app) &&
    labels[LABEL.pool] === labelText(request.pool) &&
    labels[LABEL.runnerId] === request.runnerId;
  if (!agrees) {
    throw new FlameLaunchError(`kubernetes: a pod that is not of this app is named ${request.runnerId}`, {
      kind: 'invalid',
    });
  }
  view.note(pod);
  return toInstance(pod);
};
