/**
 * Which pod a Deployment ends first when it gets smaller: `pod-deletion-cost`, written only when it changes. It is a wish: a node that is
 * drained, or a rollout, does not ask for it.
 */
import type { RankedRunner } from '@flamejs/queue';
import { type Api, ApiError, isRefusal } from '../kubernetes/api.ts';

const ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';
const COSTS: Readonly<Record<RankedRunner['rank'], string>> = { parked: '-100', idle: '0', busy: '100' };
/** Requests at once. */
const MOST_AT_ONCE = 20;

/** @returns what writes the costs of these runners' pods. It throws what kept it from it; what was not written is tried again. */
export const createRanking = (api: Api, namespace: () => Promise<string>) => {
  let written = new Map<string, string>();

  return async (runners: readonly RankedRunner[], signal: AbortSignal): Promise<void> => {
    const costs = new Map(runners.map(({ host, rank }) => [host, COSTS[rank]]));
    written = new Map([...written].filter(([host]) => costs.has(host)));
    const changed = [...costs].filter(([host, cost]) => written.get(host) !== cost);
    if (changed.length === 0) return;
    const space = await namespace();
    for (let first = 0; first < changed.length; first += MOST_AT_ONCE) {
      const results = await Promise.allSettled(
        changed.slice(first, first + MOST_AT_ONCE).map(async ([host, cost]) => {
          await write(api, space, host, cost, signal);
          written.set(host, cost);
        }),
      );
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    }
  };
};

const write = async (api: Api, namespace: string, pod: string, cost: string, signal: AbortSignal): Promise<void> => {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}`;
  try {
    await api.send({ method: 'PATCH', path, body: { metadata: { annotations: { [ANNOTATION]: cost } } } }, signal);
  } catch (error) {
    // It has gone, or this runner is in no pod.
    if (isRefusal(error, 404)) return;
    if (isRefusal(error, 403))
      throw new ApiError(
        `deletion costs cannot be written: the autoscaler needs the right to patch pods: ${error.message}`,
        error.status,
      );
    throw error;
  }
};
