/** `flame dev`: everything an application needs beside itself, in one process; Ctrl-C leaves nothing behind. */
import type { Autoscaler } from '@flamejs/autoscaler';
import type { Dashboard } from '@flamejs/dashboard';
import type { AppConfig } from '@flamejs/queue';
import { FlameConfigError, FlameUnavailableError } from '@flamejs/queue/errors';
import { createEnding, type Ending } from '@flamejs/queue/internal';
import { Command } from 'commander';
import type { Logger } from 'pino';
import { createLogger } from '../create-logger.ts';
import { dashboardOptions } from '../dashboard-options.ts';
import { type DevRedis, startDevRedis } from '../dev-redis.ts';
import { loadApp } from '../load-app.ts';
import { type EventFollower, followEvents } from '../output/follow-events.ts';
import { say } from '../output/print.ts';
import { paint } from '../output/style.ts';
import { answers } from '../probe-redis.ts';
import { endSoon, untilStopped } from '../stop-signals.ts';
import { optionsOf } from '../with-operations.ts';
import { whole } from './calls-list.ts';

const PROBE_MS = 1_000;
/** For what only looks; it waits for nothing but Redis, which may be gone. */
const VIEWS_MS = 1_000;

interface DevOptions {
  readonly dashboard: boolean;
  readonly port?: number;
}

export const devCommand = (): Command =>
  new Command('dev')
    .description('start what an application needs beside itself: Redis if none is reachable, autoscaler, dashboard')
    .option(
      '--port <number>',
      'port of the dashboard (default: 3526, or a free one when that is taken)',
      whole(0, 65_535),
    )
    .option('--no-dashboard', 'without the dashboard')
    .action(async (_options: object, command: Command) => {
      const stopped = untilStopped();
      const options = optionsOf<DevOptions>(command);
      // What was started is stopped, whatever happens: Redis last, for the others still need it.
      const parts: Parts = { views: createEnding() };
      const end = async (): Promise<readonly string[]> => {
        const undone = await Promise.all([parts.views.run(VIEWS_MS), parts.autoscaler?.stop()]);
        await parts.redis?.stop();
        endSoon();
        return undone.flatMap((each) => each ?? []);
      };
      try {
        await start(command, options, parts);
      } catch (error) {
        await end();
        throw error;
      }
      say('Ctrl-C stops everything.');
      await stopped;
      say('stopping …');
      const undone = await end();
      say(undone.length === 0 ? 'stopped; no process is left' : `stopped, but not in good order: ${undone.join('; ')}`);
    });

/** What has been started so far. The autoscaler and Redis end in time by themselves, however long that is. */
interface Parts {
  readonly views: Ending;
  autoscaler?: Autoscaler;
  redis?: DevRedis;
}

const start = async (command: Command, options: DevOptions, parts: Parts): Promise<void> => {
  let config = await loadApp(command);
  let redis: DevRedis | undefined;
  if (!(await answers(config.redis, PROBE_MS))) {
    refuseElsewhere(config);
    redis = await startDevRedis(config.root);
    parts.redis = redis;
    process.env.FLAME_REDIS_URL = redis.url;
    config = await loadApp(command);
  }
  const logger = await createLogger('flame', 'warn');
  parts.autoscaler = await startAutoscaler(config, logger);
  const { openOperations } = await import('@flamejs/dashboard/operations');
  const operations = openOperations(config, 'dev');
  parts.views.add('connections were not closed', () => operations.close());
  const events: EventFollower = followEvents(operations, say);
  parts.views.add('events are still read', () => events.stop());
  const dashboard = options.dashboard ? await startDashboard(config, options.port, logger) : undefined;
  if (dashboard !== undefined) parts.views.add('the dashboard was not closed', () => dashboard.stop());

  say(`${paint('bold', 'flame dev')}  app ${config.app}, pools ${Object.keys(config.pools).join(', ')}`);
  if (redis !== undefined) say(`redis      ${redis.url}  (started here; give your app REDIS_URL=${redis.url})`);
  if (dashboard !== undefined) say(`dashboard  ${dashboard.url}`);
};

const startAutoscaler = async (config: AppConfig, logger: Logger): Promise<Autoscaler> => {
  const { createAutoscaler } = await import('@flamejs/autoscaler');
  const autoscaler = createAutoscaler(config, { logger });
  await autoscaler.start();
  return autoscaler;
};

/** A second application under development takes a free port by itself; a port that was asked for must be had. */
const startDashboard = async (config: AppConfig, port: number | undefined, logger: Logger): Promise<Dashboard> => {
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
const refuseElsewhere = ({ redis }: AppConfig): void => {
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
