/** The parts of `flame dev` that anybody could start alone: autoscaler and dashboard. */
import type { Autoscaler } from '@flamejs/autoscaler';
import type { Dashboard } from '@flamejs/dashboard';
import type { AppConfig } from '@flamejs/queue';
import { FlameConfigError, FlameUnavailableError } from '@flamejs/queue/errors';
import type { Logger } from 'pino';
import { dashboardOptions } from '../dashboard-options.ts';

export const startAutoscaler = async (config: AppConfig, logger: Logger): Promise<Autoscaler> => {
  const { createAutoscaler } = await import('@flamejs/autoscaler');
  const autoscaler = createAutoscaler(config, { logger });
  await autoscaler.start();
  return autoscaler;
};

/** A second application under development takes a free port by itself; a port that was asked for must be had. */
export const startDashboard = async (
  config: AppConfig,
  port: number | undefined,
  logger: Logger,
): Promise<Dashboard> => {
  const [{ createDashboard }, { tuner }] = await Promise.all([
    import('@flamejs/dashboard'),
    import('@flamejs/autoscaler/tuning'),
  ]);
  const begin = async (at: number | undefined): Promise<Dashboard> => {
    const options = dashboardOptions(at === undefined ? {} : { port: at });
    const dashboard = createDashboard(config, { ...options, tuner, logger });
    await dashboard.start();
    return dashboard;
  };
  try {
    return await begin(port);
  } catch (error) {
    if (port !== undefined || !(error instanceof FlameConfigError)) throw error;
    return begin(0);
  }
};

/** A Redis of ours in the place of one on another host would be empty, and nobody would know. */
export const refuseElsewhere = ({ redis }: AppConfig): void => {
  if (redis.kind === 'single') {
    const { host, path, sentinels } = redis.options;
    const name =
      redis.url === undefined ? (host ?? '127.0.0.1') : URL.canParse(redis.url) ? new URL(redis.url).hostname : '';
    if (path === undefined && sentinels === undefined && LOOPBACK.test(name)) return;
  }
  const message =
    'the Redis that the config names does not answer, and it is not on this machine: none is started in its place';
  throw new FlameUnavailableError(message, { enqueued: 'no' });
};

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/;
