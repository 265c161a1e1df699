/** Makes job schedulers of the repeatable jobs that BullMQ had before, with their next moment, data and options. */
import { type Job, Queue } from 'bullmq';
import type { RedisClient } from '../connect.ts';
import { findLegacySchedules, type LegacySchedule, type QueueNames, queueBase } from './legacy-schedules.ts';

export interface MovedSchedule {
  readonly legacy: LegacySchedule;
  /** Of the job scheduler that it is now; `undefined` when it was left as it is. */
  readonly schedulerId: string | undefined;
  /** Why it was left. */
  readonly why: string;
}

/**
 * The scheduler is there before what it replaces is taken away: broken off in between, a moment comes twice and none is lost, and moving
 * again mends it.
 * @param client without scripts of ours. Stays the owner's
 */
export const moveLegacySchedules = async (
  client: RedisClient,
  names: QueueNames,
): Promise<readonly MovedSchedule[]> => {
  const found = await findLegacySchedules(client, names);
  if (found.length === 0) return [];
  const base = queueBase(names);
  const queue = new Queue(names.queue, { connection: client as never, prefix: names.prefix, skipMetasUpdate: true });
  queue.on('error', () => undefined);
  const moved: MovedSchedule[] = [];
  try {
    const pending = await nextJobs(client, base, queue);
    for (const legacy of found) {
      const job = pending.get(legacy.key);
      const timing = job === undefined ? undefined : timingOf(legacy, job);
      if (job === undefined || timing === undefined) {
        const why =
          job === undefined
            ? 'its next job is not there yet: it runs now, or its worker is gone'
            : 'it says no moments';
        moved.push({ legacy, schedulerId: undefined, why });
        continue;
      }
      const alike = found.filter(({ name }) => name === legacy.name).length > 1;
      const schedulerId = alike ? `${legacy.name}-${legacy.key.slice(0, 8)}` : legacy.name;
      await queue.upsertJobScheduler(schedulerId, timing, { name: job.name, data: job.data, opts: templateOf(job) });
      await client.zrem(`${base}repeat`, legacy.key);
      await client.del(`${base}repeat:${legacy.key}`);
      await job.remove();
      moved.push({ legacy, schedulerId, why: '' });
    }
    return moved;
  } finally {
    await queue.close();
  }
};

/** The job that each has in wait for its next moment, by the repeatable's key. */
const nextJobs = async (client: RedisClient, base: string, queue: Queue): Promise<ReadonlyMap<string, Job>> => {
  const jobs = new Map<string, Job>();
  for (const id of await client.zrange(`${base}delayed`, '0', '-1')) {
    if (!id.startsWith('repeat:')) continue;
    const key = await client.hget(`${base}${id}`, 'rjk');
    const job = key === null ? undefined : await queue.getJob(id);
    if (key !== null && job !== undefined && job !== null) jobs.set(key, job);
  }
  return jobs;
};

type Timing = Parameters<Queue['upsertJobScheduler']>[1];

const timingOf = ({ pattern, every, tz, endDate, nextAt }: LegacySchedule, { opts }: Job): Timing | undefined => {
  // Its own version of BullMQ had this option.
  const { repeat } = opts as { readonly repeat?: { readonly limit?: number; readonly count?: number } };
  const { limit, count = 1 } = repeat ?? {};
  const more = {
    ...(endDate !== undefined && { endDate }),
    // Those that are still to come.
    ...(limit !== undefined && { limit: Math.max(1, limit - count + 1) }),
  };
  if (pattern !== undefined) return { pattern, ...(tz !== undefined && { tz }), ...more };
  // Without its next moment, a scheduler of this kind fires at once.
  return every === undefined ? undefined : { every, startDate: nextAt, ...more };
};

/** What was said of this one job is no template. */
const templateOf = ({
  opts,
}: Job): Parameters<Queue['upsertJobScheduler']>[2] extends { opts?: infer O } | undefined ? O : never => {
  const {
    repeat: _,
    jobId: __,
    delay: ___,
    timestamp: ____,
    prevMillis: _____,
    repeatJobKey: ______,
    ...rest
  } = opts as Record<string, unknown>;
  return rest as never;
};
