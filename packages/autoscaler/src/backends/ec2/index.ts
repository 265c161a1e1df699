/**
 * Runners on Amazon EC2: one machine per runner. Needs `@aws-sdk/client-ec2` and an AMI with `aws` and `docker` (or
 * `node`). See docs/backends/ec2.md for permissions, costs and failure modes.
 */
import type { Backend, BackendDefaults } from '@flamejs/queue';
import { bootsWith } from '../by-release.ts';
import { checkAccess } from './check.ts';
import { createApi } from './client.ts';
import { createLauncher } from './launch.ts';
import { listInstances } from './list.ts';
import type { Ec2Options } from './options.ts';
import { parseOptions } from './parse-options.ts';
import { createRecent } from './recent.ts';
import { terminateInstances } from './terminate.ts';
import { createUnavailable } from './unavailable.ts';

export type { ArchiveApplication, Ec2Options, ImageApplication, SecretReference } from './options.ts';

const DEFAULTS: BackendDefaults = {
  bootTimeoutMs: 5 * 60_000,
  idleShutdownAfterMs: 2 * 60_000,
  tickMs: 10_000,
  fastTickMs: 2_000,
  heartbeatTimeoutMs: 10 * 60_000,
  failsafeTimeoutMs: 10 * 60_000,
  launchesPerTick: 10,
};

/**
 * @returns a backend for one region. Nothing is loaded or sent before its first use.
 * @throws FlameConfigError that lists every problem of the options.
 */
export const ec2 = (options: Ec2Options): Backend => {
  const settings = parseOptions(options);
  const now = (): number => performance.now();
  const api = createApi(settings);
  const recent = createRecent(now);
  const launch = createLauncher({ settings, api, recent, now, unavailable: createUnavailable(now) });
  return {
    name: 'ec2',
    defaults: DEFAULTS,
    ...bootsWith('image' in settings.application ? settings.application.image : settings.application.archive),
    launch,
    list: (app, signal) => listInstances(app, api, recent, signal),
    terminate: (ids, signal) => terminateInstances(ids, api, recent, signal),
    check: (signal) => checkAccess(settings, api, signal),
    close: async () => api.close(),
  };
};
