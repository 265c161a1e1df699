/** Whether the cluster has said that it will not grow for a pod: asked of its events, which need a right of their own. */
import type { Api } from './api.ts';
import { idOf, type Pod } from './pod.ts';
import type { Time } from './time.ts';

export interface NoRoom {
  /** @returns what the cluster's autoscaler said of each pod for which it will not grow, by id. Never throws. */
  look(pending: readonly Pod[], namespace: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}

const EVERY_MS = 15_000;

export const createNoRoom = (api: Api, time: Time): NoRoom => {
  const asked = new Map<string, number>();
  const told = new Map<string, string>();
  return {
    async look(pending, namespace, signal) {
      const waiting = pending.filter(({ status }) =>
        status?.conditions?.some(({ type, status: value }) => type === 'PodScheduled' && value === 'False'),
      );
      const ids = new Set(waiting.map(idOf));
      for (const map of [asked, told]) for (const id of map.keys()) if (!ids.has(id)) map.delete(id);
      const due = waiting.filter((pod) => time.now() - (asked.get(idOf(pod)) ?? Number.NEGATIVE_INFINITY) >= EVERY_MS);
      await Promise.allSettled(
        due.map(async (pod) => {
          asked.set(idOf(pod), time.now());
          const query = {
            fieldSelector: `involvedObject.uid=${pod.metadata.uid},reason=NotTriggerScaleUp`,
            limit: '1',
          };
          const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
          const { items } = (await api.send({ method: 'GET', path, query }, signal)) as {
            readonly items: readonly { readonly message?: string }[];
          };
          if (items[0] !== undefined) told.set(idOf(pod), items[0].message ?? 'the cluster does not grow');
        }),
      );
      return told;
    },
  };
};
