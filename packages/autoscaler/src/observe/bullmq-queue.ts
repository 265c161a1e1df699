/** A pool that serves a queue of BullMQ: its runners are Flame's, what waits stands in that queue. */
import {
  lookAtQueue,
  type PoolKeys,
  type QueueLimit,
  type QueueLook,
  type QueueNames,
  type RedisClient,
} from '@flamejs/protocol';
import type { QueueBounds } from '../plan/queue-cap.ts';
import type { PoolSnapshot } from '../store/store.ts';

/**
 * Reads the queue beside the pool; no script spans the two, so what moves meanwhile may be seen twice or not at all, until the next tick.
 * @returns the snapshot with the queue's numbers in the place of the pool's own, which are all 0
 */
export const withBullmqQueue = async (
  client: RedisClient,
  keys: PoolKeys,
  queue: QueueNames,
  snapshot: PoolSnapshot,
  dueWithinMs: number,
): Promise<PoolSnapshot> => {
  const [look, told] = await Promise.all([
    lookAtQueue(client, queue, { now: snapshot.now, dueWithinMs }),
    client.hmget(keys.worker, 'max', 'duration'),
  ]);
  return overlaid(snapshot, look, limitOf(told));
};

/** Pure. @param workerLimit the limiter of `flame.worker`, as its runners have told it */
export const overlaid = (
  snapshot: PoolSnapshot,
  look: QueueLook,
  workerLimit: QueueLimit | undefined,
): PoolSnapshot => {
  const ours = snapshot.agents.reduce((sum, { active }) => sum + active, 0);
  const limit = look.globalLimit ?? workerLimit;
  const bounds: QueueBounds = {
    globalConcurrency: look.globalConcurrency,
    // What other workers have is no demand for runners, and takes its part of the global concurrency.
    elsewhere: Math.max(0, look.held - ours),
    limit,
    usedUpForMs: limit !== undefined && look.limiter.begun >= limit.max ? look.limiter.leftMs : 0,
  };
  return {
    ...snapshot,
    paused: snapshot.paused || look.paused,
    waiting: look.waiting,
    prioritized: look.prioritized,
    dueSoon: look.dueSoon,
    active: ours + look.orphaned,
    oldestWaitAt: look.oldestWaitAt,
    bounds,
  };
};

const limitOf = ([max, duration]: readonly (string | null)[]): QueueLimit | undefined => {
  const limit = { max: Number(max), durationMs: Number(duration) };
  return limit.max >= 1 && limit.durationMs >= 1 ? limit : undefined;
};
