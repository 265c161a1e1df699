/**
 * Says what this process has read. Outcomes that somebody awaits are kept until then; what is not said, because Redis was away just
 * then, costs memory for an hour and nothing else.
 */

import type { PoolKeys } from '@flamejs/protocol/keys';
import type { Delivery } from '@flamejs/protocol/outcome';
import { acknowledge } from '@flamejs/protocol/store/redis-outcomes';
import type { Logger } from 'pino';
import type { Link } from './link.ts';

/** Bounds `close()`. */
const FLUSH_MS = 1_000;

export interface Deliveries {
  add(pool: string, delivery: Delivery): void;
  /** Waits, for a bounded time, until Redis knows. */
  flush(): Promise<void>;
}

/** @param reader this caller's reply stream @param by this process, for people */
export const createDeliveries = (
  link: Link,
  keysOf: (pool: string) => PoolKeys,
  reader: string,
  by: string,
  logger: Logger,
): Deliveries => {
  let waiting = new Map<string, Delivery[]>();
  let sending: Promise<void> | undefined;

  const send = async (): Promise<void> => {
    // What arrives together is said together.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.size > 0) {
      const batch = waiting;
      waiting = new Map();
      const client = await link.client();
      for (const [pool, deliveries] of batch) await acknowledge(client, keysOf(pool), reader, by, deliveries);
    }
  };

  return {
    add(pool, delivery) {
      const known = waiting.get(pool);
      if (known === undefined) waiting.set(pool, [delivery]);
      else known.push(delivery);
      sending ??= send()
        .catch((error) => logger.debug({ err: error }, 'acknowledging outcomes failed; they are kept for longer'))
        .finally(() => {
          sending = undefined;
        });
    },
    async flush() {
      if (sending === undefined) return;
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([sending, new Promise((resolve) => (timer = setTimeout(resolve, FLUSH_MS)))]);
      clearTimeout(timer);
    },
  };
};
