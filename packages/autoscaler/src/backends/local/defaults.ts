/** Processes on this machine: they come and go within a second. In a file of its own, for whoever needs no process. */
import type { BackendDefaults } from '@flamejs/queue';

export const LOCAL_DEFAULTS: BackendDefaults = {
  bootTimeoutMs: 30_000,
  idleShutdownAfterMs: 30_000,
  tickMs: 1_000,
  fastTickMs: 250,
  heartbeatTimeoutMs: 60_000,
  failsafeTimeoutMs: 60_000,
  launchesPerTick: 100,
};
