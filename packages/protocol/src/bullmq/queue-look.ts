/** What an autoscaler has to know of a queue of BullMQ, read in one round trip; no script of ours touches such a queue. */
import type { RedisClient } from '../connect.ts';
import { type QueueNames, queueBase } from './legacy-schedules.ts';

/** At most so many jobs begin in so many milliseconds. */
export interface QueueLimit {
  readonly max: number;
  readonly durationMs: number;
}

export interface QueueLook {
  readonly paused: boolean;
  readonly waiting: number;
  readonly prioritized: number;
  /** Delayed jobs due within the time that was asked for, those of job schedulers among them. */
  readonly dueSoon: number;
  /** Jobs that somebody has: whose lock has not run out. */
  readonly held: number;
  /** Active jobs without a lock: whoever had them is gone, or is about to begin. */
  readonly orphaned: number;
  /** Epoch milliseconds at which the job was added that is next; `null` when none waits. */
  readonly oldestWaitAt: number | null;
  /** Most active jobs of the whole queue; `undefined` for no bound. */
  readonly globalConcurrency: number | undefined;
  /** The queue's own rate limit, as `queue.setGlobalRateLimit` wrote it. */
  readonly globalLimit: QueueLimit | undefined;
  /** Jobs that began in the period that the limiter is in, and how long that lasts, ms; 0 when none lasts. */
  readonly limiter: { readonly begun: number; readonly leftMs: number };
}

/** More active jobs than this are not looked at singly: those beyond count as held. */
const MOST_ACTIVE = 1_000;
/** BullMQ orders delayed jobs by their moment times this, with a counter in the lower bits. */
const DELAY_FACTOR = 0x1000;

export const lookAtQueue = async (
  client: RedisClient,
  queue: QueueNames,
  { now, dueWithinMs }: { readonly now: number; readonly dueWithinMs: number },
): Promise<QueueLook> => {
  const base = queueBase(queue);
  const dueScore = (now + dueWithinMs + 1) * DELAY_FACTOR - 1;
  const [meta, wait, paused, prioritized, due, active, activeCount, next, begun, leftMs] = await Promise.all([
    client.hmget(`${base}meta`, 'paused', 'concurrency', 'max', 'duration'),
    client.llen(`${base}wait`),
    client.llen(`${base}paused`),
    client.zcard(`${base}prioritized`),
    client.zcount(`${base}delayed`, '-inf', String(dueScore)),
    client.lrange(`${base}active`, 0, MOST_ACTIVE - 1),
    client.llen(`${base}active`),
    client.lindex(`${base}wait`, -1),
    client.get(`${base}limiter`),
    client.pttl(`${base}limiter`),
  ]);
  const [locks, timestamp] = await Promise.all([
    Promise.all(active.map((id) => client.exists(`${base}${id}:lock`))),
    next === null ? null : client.hget(`${base}${next}`, 'timestamp'),
  ]);
  const orphaned = locks.filter((held) => held === 0).length;
  const [isPaused, concurrency, max, duration] = meta.map(numberOf);
  return {
    paused: isPaused !== undefined,
    waiting: wait + paused,
    prioritized,
    dueSoon: due,
    held: Math.max(0, activeCount - orphaned),
    orphaned,
    oldestWaitAt: timestamp === null ? null : (numberOf(timestamp) ?? null),
    globalConcurrency: concurrency,
    globalLimit: max === undefined || duration === undefined ? undefined : { max, durationMs: duration },
    limiter: { begun: numberOf(begun) ?? 0, leftMs: Math.max(0, leftMs) },
  };
};

const numberOf = (text: string | null | undefined): number | undefined =>
  text === null || text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
