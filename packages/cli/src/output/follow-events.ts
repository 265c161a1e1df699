/** Prints what happens to a config's runners as it happens: the pools' event streams, one line an event. */
import { styleText } from 'node:util';
import type { AppConfig } from '@flamejs/queue';
import { connect, disconnect, poolKeys } from '@flamejs/queue/protocol';

const BLOCK_MS = 2_000;

export interface EventFollower {
  stop(): void;
}

export const followEvents = (config: AppConfig, say: (line: string) => void): EventFollower => {
  const client = connect(config.redis, 'steady', 'flame:dev:events');
  client.on('error', () => undefined);
  let stopped = false;

  const follow = async (pool: string, connection = client.duplicate()): Promise<void> => {
    connection.on('error', () => undefined);
    const stream = poolKeys(config.prefix, config.app, pool).events;
    let lastId = '$';
    while (!stopped) {
      const reply = await connection.xread('COUNT', 100, 'BLOCK', BLOCK_MS, 'STREAMS', stream, lastId).catch(() => null);
      for (const [id, fields] of reply?.[0]?.[1] ?? []) {
        lastId = id;
        say(eventLine(pool, fields));
      }
    }
    connection.disconnect();
  };

  for (const pool of Object.keys(config.pools)) void follow(pool);
  return {
    stop() {
      stopped = true;
      disconnect(client);
    },
  };
};

const eventLine = (pool: string, fields: readonly string[]): string => {
  const value = (name: string): string => fields[fields.indexOf(name) + 1] ?? '';
  const time = new Date(Number(value('at'))).toISOString().slice(11, 19);
  const runner = fields.includes('runnerId') ? ` ${value('runnerId')}` : '';
  return `${styleText('dim', time)}  ${styleText('cyan', pool)}${runner}  ${value('type')}  ${styleText('dim', value('reason'))}`;
};
