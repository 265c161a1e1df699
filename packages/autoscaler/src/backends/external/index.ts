/** Platforms that scale containers by a number: a Deployment with an HPA or KEDA, an ECS service. See docs/backends/external.md. */
import type { BackendDefaults, ExternalScaling } from '@flamejs/queue';
import { createClient } from '../kubernetes/client.ts';
import { createRanking } from './deletion-cost.ts';
import { createEcsService } from './ecs.ts';
import { type DeletionCostOptions, type ExternalOptions, parseOptions } from './options.ts';

export type { DeletionCostOptions, EcsServiceOptions, ExternalOptions } from './options.ts';

const DEFAULTS: BackendDefaults = {
  // Time for the platform to hear, for a machine to be added, and for an image to be pulled.
  bootTimeoutMs: 5 * 60_000,
  idleShutdownAfterMs: 60_000,
  tickMs: 2_000,
  fastTickMs: 500,
  heartbeatTimeoutMs: 10 * 60_000,
  failsafeTimeoutMs: 10 * 60_000,
  launchesPerTick: 1,
};
const REQUEST_MS = 10_000;

/**
 * @returns what says of a pool that a platform starts and ends its runners, by the number that it asks the autoscaler for, or is told
 *   by it (`ecs`, with `flame autoscaler --push`). It launches nothing; nothing is loaded or sent before its first use.
 * @throws FlameConfigError that lists every problem of the options
 */
export const external = (options: ExternalOptions = {}): ExternalScaling => {
  const { deletionCost, ecs } = parseOptions(options);
  const ranking = deletionCost === undefined ? undefined : openRanking(deletionCost);
  const service = ecs === undefined ? undefined : createEcsService(ecs);
  return {
    ...{ name: 'external', scaledBy: 'platform', defaults: DEFAULTS },
    ...(ranking === undefined ? {} : { rank: ranking.rank }),
    ...(service === undefined ? {} : { push: service.push, check: service.check }),
    async close() {
      ranking?.close();
      service?.close();
    },
  };
};

const openRanking = ({ namespace, kubeconfig, context }: DeletionCostOptions) => {
  const api = createClient({ kubeconfig, context, requestTimeoutMs: REQUEST_MS });
  const spaceOf = async (): Promise<string> => namespace ?? process.env.FLAME_POD_NAMESPACE ?? (await api.namespace());
  return { rank: createRanking(api, spaceOf), close: () => api.close() };
};
