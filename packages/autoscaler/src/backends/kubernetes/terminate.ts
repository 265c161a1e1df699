/** Ends pods. One whose node does not answer any more is taken out of the API, for nothing else would ever do so. */
import type { TerminateResult } from '@flamejs/queue';
import { type Api, isRefusal } from './api.ts';
import { kubernetesError } from './errors.ts';
import { isEnded, type Pod, parseId, podPath } from './pod.ts';
import type { Time } from './time.ts';
import type { View } from './view.ts';

export interface Ender {
  /** @param silent ids of instances whose runners are known to be silent */
  end(id: string, view: View | undefined, silent: ReadonlySet<string>, signal: AbortSignal): Promise<TerminateResult>;
}

/** Beyond the pod's own grace period, after which the kubelet has killed it: then there is no kubelet. */
const LOST_NODE_MS = 60_000;
const REMEMBER = 10_000;

export const createEnder = (api: Api, namespace: () => Promise<string>, time: Time): Ender => {
  /** When a pod was first seen on its way out, monotonic ms, by id. */
  const leavingSince = new Map<string, number>();

  const outlives = (id: string, pod: Pod): boolean => {
    const since = leavingSince.get(id) ?? time.now();
    if (!leavingSince.has(id)) {
      if (leavingSince.size >= REMEMBER) leavingSince.clear();
      leavingSince.set(id, since);
    }
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1_000;
    return time.now() - since >= graceMs + LOST_NODE_MS;
  };

  return {
    async end(id, view, silent, signal) {
      const parsed = parseId(id);
      if (parsed === undefined) return { id, ok: false, error: `${id} is no id of a pod` };
      const known = view?.known(parsed.name);
      const pod = known?.metadata.uid === parsed.uid ? known : undefined;
      // It has ended; its name is kept for a while.
      if (pod !== undefined && isEnded(pod)) return { id, ok: true };
      let force = false;
      if (pod?.metadata.deletionTimestamp !== undefined) {
        force = outlives(id, pod) && silent.has(id);
        if (!force) return { id, ok: true };
      }
      try {
        await deletePod(api, { namespace: await namespace(), ...parsed, force }, signal);
        return { id, ok: true };
      } catch (error) {
        return { id, ok: false, error: kubernetesError(`delete the pod ${parsed.name}`, error).message };
      }
    },
  };
};

export interface DeleteOrder {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly force?: boolean;
}

/** @returns also when it is gone already, or another one has its name. @throws ApiError */
export const deletePod = async (
  api: Api,
  { namespace, name, uid, force = false }: DeleteOrder,
  signal: AbortSignal,
): Promise<void> => {
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid },
    ...(force ? { gracePeriodSeconds: 0 } : {}),
  };
  try {
    await api.send({ method: 'DELETE', path: podPath(namespace, name), body }, signal);
  } catch (error) {
    if (!isRefusal(error, 404) && !isRefusal(error, 409, 'Conflict')) throw error;
  }
};
