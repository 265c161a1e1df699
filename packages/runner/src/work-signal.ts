/**
 * Wakes an idle runner: a marker in Redis, BullMQ's own, which whoever puts a call into the queue sets and one runner takes. A
 * connection of its own, for it blocks.
 */
import { createInterruptible, type PoolKeys, type RedisClient } from '@flamejs/protocol';

export interface WorkSignal {
  /** @returns whether a marker was taken; false when the time is up or somebody interrupts */
  wait(ms: number): Promise<boolean>;
  /** A marker that was taken and cannot be used is for another runner. */
  passOn(): void;
  /** Ends a wait that is under way, without touching its connection. A marker that it takes later is passed on. */
  interrupt(): void;
}

export const createWorkSignal = (client: RedisClient, blocking: RedisClient, { queue }: PoolKeys): WorkSignal => {
  const marker = `${queue}marker`;
  const waiting = createInterruptible<boolean>(false);
  const passOn = (): void => {
    // The next look of any runner finds the call too.
    client.zadd(marker, 0, '0').catch(() => undefined);
  };
  return {
    wait: (ms) => waiting.run(async () => (await blocking.bzpopmin(marker, ms / 1000)) !== null),
    passOn,
    interrupt() {
      waiting.interrupt((taken) => {
        if (taken) passOn();
      });
    },
  };
};
