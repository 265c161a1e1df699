/** BullMQ's `Queue` for each pool, on our backend: whatever is done through it follows our protocol. A pool that serves a queue of BullMQ has that. */
import { callBackendFactory, connectPlain, disconnect, type RedisClient } from '@flamejs/protocol';
import { Queue } from 'bullmq';
import type { Link } from './link.ts';

export interface Queues {
  of(pool: string): Queue;
  close(): Promise<void>;
}

export const createQueues = (link: Link): Queues => {
  const open = new Map<string, Queue>();
  let plain: RedisClient | undefined;

  const make = (pool: string): Queue => {
    const { bullmq } = link.config.pools[pool] ?? {};
    if (bullmq !== undefined) {
      plain ??= connectPlain(link.config.redis, 'steady', `flame:${link.config.app}:queues`);
      plain.on('error', () => undefined);
      return new Queue(bullmq.queue, { prefix: bullmq.prefix, skipMetasUpdate: true, connection: plain as never });
    }
    const factory = callBackendFactory({ client: link.client });
    // The pool's meta is set by callers; BullMQ's default would let its event stream grow tenfold.
    const opts = { prefix: link.keys(pool).base, skipMetasUpdate: true, connection: {} };
    return new Queue(pool, opts, factory as never) as Queue;
  };

  return {
    of(pool) {
      const known = open.get(pool);
      if (known !== undefined) return known;
      const queue = make(pool);
      // Connection errors are the link's to report.
      queue.on('error', () => undefined);
      open.set(pool, queue);
      return queue;
    },
    async close() {
      await Promise.all([...open.values()].map((queue) => queue.close().catch(() => undefined)));
      disconnect(plain);
    },
  };
};
