/** The autoscaler's connections to Redis: one for its store, one for housekeeping, one that listens for kicks. */

import {
  appKeys,
  connect,
  createHousekeeping,
  damageLog,
  disconnect,
  type Housekeeping,
  poolKeys,
  type RedisClient,
  whenReady,
} from '@flamejs/protocol';
import { type AppConfig, FlameUnavailableError } from '@flamejs/queue';
import type { Logger } from 'pino';
import { bounded, type Clock } from './clock.ts';

export interface Connections {
  /** Fails fast while Redis is away, so that nothing old is carried out late. */
  readonly store: RedisClient;
  /** For housekeeping: holds commands until Redis is back. */
  readonly steady: RedisClient;
  housekeepingOf(pool: string): Housekeeping;
  /** Monotonic ms at which Redis last became usable. */
  connectedAt(): number;
  /** Whether Redis answers at this moment. Never throws. */
  answers(withinMs: number): Promise<boolean>;
  /** @returns what ends the subscription */
  onKick(listener: (pool: string | undefined) => void): Promise<() => Promise<void>>;
  close(): void;
}

/** @throws FlameUnavailableError when Redis does not answer within `connectTimeout` */
export const openConnections = async (config: AppConfig, clock: Clock, log: Logger): Promise<Connections> => {
  const store = connect(config.redis, 'producer', 'flame-autoscaler');
  const steady = connect(config.redis, 'steady', 'flame-housekeeping');
  const listening = connect(config.redis, 'steady', 'flame-kicks');
  const all = [store, steady, listening];
  let readyAt = clock.mono();
  for (const client of all) client.on('error', (error: Error) => log.warn({ err: error.message }, 'redis connection'));
  store.on('ready', () => {
    readyAt = clock.mono();
  });
  const close = (): void => {
    for (const client of all) disconnect(client);
  };
  try {
    await Promise.all(all.map((client) => whenReady(client, config.connectTimeoutMs)));
  } catch (error) {
    close();
    const why = error instanceof Error ? error.message : String(error);
    throw new FlameUnavailableError(`the autoscaler cannot reach Redis: ${why}`, { cause: error, enqueued: 'no' });
  }

  const onDamage = damageLog(log);
  const housekeepers = new Map<string, Housekeeping>();
  return {
    store,
    steady,
    housekeepingOf(pool) {
      const keeper =
        housekeepers.get(pool) ??
        createHousekeeping(steady, poolKeys(config.prefix, config.app, pool), pool, config, {
          onDamage,
          onScheduleError: (schedule, error) =>
            log.warn({ err: error, pool, schedule }, 'a schedule could not be run; trying again'),
        });
      housekeepers.set(pool, keeper);
      return keeper;
    },
    connectedAt: () => readyAt,
    async answers(withinMs) {
      try {
        await bounded(clock, withinMs, 'Redis (ping)', () => store.ping());
        return true;
      } catch {
        return false;
      }
    },
    async onKick(listener) {
      const channel = appKeys(config.prefix, config.app).kick;
      listening.on('message', (from: string, pool: string) => {
        if (from === channel) listener(pool === '' ? undefined : pool);
      });
      await listening.subscribe(channel);
      return async () => {
        disconnect(listening);
      };
    },
    close,
  };
};
