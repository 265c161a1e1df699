/** `flame.schedule`: makes, replaces and removes schedules. */

import { type Duration, parseDuration } from '@flamejs/protocol/duration';
import { configError } from '@flamejs/protocol/errors/input-errors';
import { redisNow } from '@flamejs/protocol/redis-now';
import { nextMoment, type Timing } from '@flamejs/protocol/schedule-timing';
import { removeSchedule, storeSchedule } from '@flamejs/protocol/schedules';
import type { Caller, CallRequest } from './caller.ts';

/** When a schedule casts its call. */
export interface ScheduleTiming {
  /** Cron expression of five fields, or six with seconds first. Either this or `every`. */
  readonly cron?: string;
  /** A fixed distance, at least one second; counted from the epoch, so that restarts do not shift it. */
  readonly every?: Duration;
  /** Time zone of `cron`, such as `'Europe/Berlin'`. Default: `'UTC'`. */
  readonly tz?: string;
}

/** A schedule that stands: what `flame.schedule` resolves with. */
export interface ScheduleHandle {
  readonly id: string;
  /** Ends the schedule; calls that it has cast go on. @returns whether it was there @throws FlameUnavailableError */
  remove(): Promise<boolean>;
}

const SHORTEST_MS = 1_000;

/**
 * Casts `request` at every moment of the timing. The same id again replaces the schedule; while its timing stays the same no moment
 * is lost by that. @throws FlameConfigError
 */
export const schedule = async (
  caller: Caller,
  id: string,
  timing: ScheduleTiming,
  request: CallRequest,
): Promise<ScheduleHandle> => {
  const parsed = parseTiming(id, timing);
  const client = await caller.link.client();
  const { keys, kick } = caller.pool(request.pool);
  const now = await caller.link.bounded(redisNow(client, keys.queue));
  const { call, envelope, largeArgs } = await caller.describe(request, { callId: id, kind: 'schedule' });
  const stored = {
    id,
    ...parsed,
    functionName: request.functionName,
    call,
    envelope,
    ...(largeArgs === undefined ? {} : { largeArgs: Buffer.from(largeArgs).toString('base64') }),
  };
  await caller.link.bounded(storeSchedule(client, keys, stored, now));
  await kick.announce();
  return { id, remove: async () => caller.link.bounded(removeSchedule(await caller.link.client(), keys, id)) };
};

const parseTiming = (id: string, { cron, every, tz }: ScheduleTiming): Timing => {
  const refuse = (path: string, message: string): never => {
    throw configError(`flame.schedule('${id}')`, [{ path, message }]);
  };
  if (id.length === 0 || id.length > 200) refuse('id', 'expected a text of 1 to 200 characters');
  if ((cron === undefined) === (every === undefined)) refuse('cron', 'expected either `cron` or `every`');
  if (every !== undefined) {
    const everyMs = parseDuration(every, 'every');
    return everyMs < SHORTEST_MS
      ? refuse('every', `expected at least ${SHORTEST_MS} ms, got ${everyMs} ms`)
      : { everyMs };
  }
  const timing: Timing = { cron: cron ?? '', ...(tz === undefined ? {} : { tz }) };
  try {
    nextMoment(timing, 0, id);
  } catch (error) {
    refuse('cron', error instanceof Error ? error.message : String(error));
  }
  return timing;
};
