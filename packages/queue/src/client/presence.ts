/** Says that this caller is alive, for its calls with `link: true`: when it stops saying so, they are cancelled. */

import { CALLER_TTL_MS } from '@flamejs/protocol/linked';
import type { Logger } from 'pino';
import type { Link } from './link.ts';

const EVERY_MS = 5_000;

export interface Presence {
  /** Begins to say so in a pool; the first time before the call is made. @throws FlameUnavailableError */
  announce(pool: string): Promise<void>;
  /** Stops at once, so that linked calls end with this caller. */
  end(): Promise<void>;
}

/** @param everyMs how often it says so; well below `CALLER_TTL_MS` */
export const createPresence = (
  link: Link,
  keyOf: (pool: string) => string,
  logger: Logger,
  everyMs = EVERY_MS,
): Presence => {
  const pools = new Map<string, Promise<void>>();
  let timer: NodeJS.Timeout | undefined;

  const say = async (pool: string): Promise<void> => {
    const client = await link.client();
    await link.bounded(client.set(keyOf(pool), '1', 'PX', CALLER_TTL_MS));
  };

  return {
    async announce(pool) {
      let first = pools.get(pool);
      if (first === undefined) {
        first = say(pool);
        pools.set(pool, first);
        first.catch(() => pools.delete(pool));
      }
      await first;
      timer ??= setInterval(() => {
        for (const name of pools.keys())
          say(name).catch((error) => logger.debug({ err: error }, 'saying that this caller lives failed'));
      }, everyMs).unref();
    },
    async end() {
      clearInterval(timer);
      if (pools.size === 0) return;
      const client = await link.client().catch(() => undefined);
      if (client !== undefined)
        await link
          .bounded(Promise.all([...pools.keys()].map((pool) => client.del(keyOf(pool)))))
          .catch(() => undefined);
    },
  };
};
