/** Platforms that scale containers by a number: a Deployment with an HPA or KEDA, an ECS service. See docs/backends/external.md. */
import type { BackendDefaults, ExternalScaling } from '@flamejs/queue';

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

/**
 * @returns what says of a pool that a platform starts and ends its runners, by the number that it asks the autoscaler for. It
 *   launches nothing, and nothing is loaded or sent by it.
 */
export const external = (): ExternalScaling => ({ name: 'external', scaledBy: 'platform', defaults: DEFAULTS });
