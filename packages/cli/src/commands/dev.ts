/** `flame dev`: everything an application needs beside itself, in one process; Ctrl-C leaves nothing behind. */
import type { Autoscaler } from '@flamejs/autoscaler';
import type { Operations } from '@flamejs/dashboard/operations';
import { setLogDestination } from '@flamejs/protocol/log-destination';
import type { AppConfig } from '@flamejs/queue';
import { createEnding, devRedisUrl, type Ending, findDevRedis } from '@flamejs/queue/internal';
import { Command } from 'commander';
import type { Logger } from 'pino';
import { createLogger } from '../create-logger.ts';
import { type DevRedis, startDevRedis } from '../dev/dev-redis.ts';
import { replaceRunners } from '../dev/replace-runners.ts';
import { sourceFolders } from '../dev/source-folders.ts';
import { refuseElsewhere, startAutoscaler, startDashboard } from '../dev/start-parts.ts';
import { namesConfig, watchSources } from '../dev/watch-sources.ts';
import { loadApp } from '../load-app.ts';
import { eventLine, followEvents } from '../output/follow-events.ts';
import { readableLog } from '../output/log-lines.ts';
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
  readonly watch: boolean;
  readonly port?: number;
  readonly json?: boolean;
}

export const devCommand = (): Command =>
  new Command('dev')
    .option(
      '--port <number>',
      'port of the dashboard (default: 3526, or a free one when that is taken)',
      whole(0, 65_535),
    )
    .option('--no-dashboard', 'without the dashboard')
    .option('--no-watch', 'keep runners when a source file changes')
    .option('--json', 'print events and logs as lines of JSON')
    .action(async (_options: object, command: Command) => {
      const stopped = untilStopped();
      const options = optionsOf<DevOptions>(command);
      // Before the config is loaded: its backends begin to log then.
      setLogDestination(options.json === true ? process.stdout : readableLog(say));
      // What was started is stopped, whatever happens: Redis last, for the others still need it.
      const parts: Parts = { views: createEnding() };
      const end = async (): Promise<readonly string[]> => {
        const undone = await Promise.all([parts.views.run(VIEWS_MS), parts.autoscaler?.stop()]);
        await parts.redis?.stop();
        endSoon();
        return undone.flatMap((each) => each ?? []);
      };
      const tell = options.json === true ? () => undefined : say;
      try {
        await start(command, options, parts, tell);
      } catch (error) {
        await end();
        throw error;
      }
      tell('Ctrl-C stops everything.');
      await stopped;
      tell('stopping …');
      const undone = await end();
      tell(
        undone.length === 0 ? 'stopped; no process is left' : `stopped, but not in good order: ${undone.join('; ')}`,
      );
    });

/** What has been started so far. The autoscaler and Redis end in time by themselves, however long that is. */
interface Parts {
  readonly views: Ending;
  autoscaler?: Autoscaler;
  redis?: DevRedis;
}

type Tell = (line: string) => void;

const start = async (command: Command, options: DevOptions, parts: Parts, tell: Tell): Promise<void> => {
  const config = await withRedis(command, parts);
  // What the application prints comes as information.
  const logger = await createLogger('flame', 'info');
  parts.autoscaler = await startAutoscaler(config, logger);
  const { openOperations } = await import('@flamejs/dashboard/operations');
  const operations = openOperations(config, 'dev');
  parts.views.add('connections were not closed', () => operations.close());
  const events = followEvents(operations, (event) =>
    say(options.json === true ? JSON.stringify(event) : eventLine(event)),
  );
  parts.views.add('events are still read', () => events.stop());
  const dashboard = options.dashboard ? await startDashboard(config, options.port, logger) : undefined;
  if (dashboard !== undefined) parts.views.add('the dashboard was not closed', () => dashboard.stop());

  tell(`${paint('bold', 'flame dev')}  app ${config.app}, pools ${Object.keys(config.pools).join(', ')}`);
  if (parts.redis !== undefined) tell(`redis      ${parts.redis.url}  (${howFound(parts.redis, config)})`);
  if (dashboard !== undefined) tell(`dashboard  ${dashboard.url}`);
  if (options.watch) await follow(config, operations, parts, logger, tell);
};

/** Its own one even when that answers already: it may have to be ended by us. */
const withRedis = async (command: Command, parts: Parts): Promise<AppConfig> => {
  const config = await loadApp(command);
  if ((await answers(config.redis, PROBE_MS)) && !isDevRedis(config)) return config;
  refuseElsewhere(config);
  parts.redis = await startDevRedis(config.root);
  process.env.FLAME_REDIS_URL = parts.redis.url;
  return loadApp(command);
};

const isDevRedis = ({ root, redis }: AppConfig): boolean => {
  const record = findDevRedis(root);
  return record !== undefined && redis.kind === 'single' && redis.url === devRedisUrl(record);
};

/** The application finds it by itself unless it is told where another one is. */
const howFound = ({ url, isJoined }: DevRedis, { root }: AppConfig): string => {
  const whose = isJoined ? 'of another flame dev' : 'started here';
  const isNamed = process.env.REDIS_URL !== undefined && process.env.REDIS_URL !== '';
  const found = !isNamed && findDevRedis(root) !== undefined;
  return found
    ? `${whose}; apps without \`redis\` in their config find it`
    : `${whose}; give your app REDIS_URL=${url}`;
};

const follow = async (
  config: AppConfig,
  operations: Operations,
  parts: Parts,
  logger: Logger,
  tell: Tell,
): Promise<void> => {
  const watcher = watchSources(sourceFolders(config.root), (files) => {
    if (namesConfig(files)) tell(`${paint('yellow', 'flame.config changed')}: what it says of pools needs a new start`);
    replaceRunners(operations, config.root, files).catch((error: unknown) => {
      logger.warn({ err: error }, 'runners still have what was on the disk before');
    });
  });
  parts.views.add('sources are still watched', () => watcher.stop());
  await watcher.ready.catch((error: unknown) => {
    logger.warn({ err: error }, 'sources are not watched: start again after edits');
  });
};
