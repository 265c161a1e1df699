/** `flame dev`: everything an application needs beside itself, in one process; Ctrl-C leaves nothing behind. */
import { styleText } from 'node:util';
import { createAutoscaler } from '@flamejs/autoscaler';
import { connect, disconnect, whenReady } from '@flamejs/queue/protocol';
import type { AppConfig } from '@flamejs/queue';
import { Command } from 'commander';
import { pino } from 'pino';
import { type DevRedis, startDevRedis } from '../dev-redis.ts';
import { loadApp } from '../load-app.ts';
import { followEvents } from '../output/follow-events.ts';
import { untilStopped } from '../stop-signals.ts';

const PROBE_MS = 1_000;

export const devCommand = (): Command =>
  new Command('dev')
    .description('start what an application needs beside itself: Redis if none is reachable, and the autoscaler')
    .action(async (_options: object, command: Command) => {
      const say = (line: string): void => void process.stdout.write(`${line}\n`);
      let config = await loadApp(command);
      let redis: DevRedis | undefined;
      if (!(await reachable(config))) {
        redis = await startDevRedis(config.root);
        process.env.FLAME_REDIS_URL = redis.url;
        config = await loadApp(command);
      }
      // From here on, whatever happens, what was started is stopped.
      const logger = pino({ name: 'flame', level: process.env.LOG_LEVEL ?? 'warn' }, pino.destination(2));
      const autoscaler = createAutoscaler(config, { logger });
      const events = followEvents(config, say);
      try {
        await autoscaler.start();
        say(`${styleText('bold', 'flame dev')}  app ${config.app}, pools ${Object.keys(config.pools).join(', ')}`);
        if (redis !== undefined) say(`redis      ${redis.url}  (started here; give your app REDIS_URL=${redis.url})`);
        say('Ctrl-C stops everything.');
        await untilStopped();
        say('stopping …');
      } finally {
        await autoscaler.stop();
        events.stop();
        await redis?.stop();
      }
      say('stopped; no process is left');
    });

const reachable = async (config: AppConfig): Promise<boolean> => {
  const client = connect(config.redis, 'steady', 'flame:dev:probe');
  client.on('error', () => undefined);
  try {
    await whenReady(client, PROBE_MS);
    return true;
  } catch {
    return false;
  } finally {
    disconnect(client);
  }
};
