/** When a schedule is due. Pure. */
import { CronExpressionParser } from 'cron-parser';

export interface Timing {
  /** Cron expression of five or six fields. */
  readonly cron?: string;
  readonly tz?: string;
  /** Instead of `cron`: a fixed distance, counted from the epoch, so that it does not drift. */
  readonly everyMs?: number;
}

/**
 * A moment that was missed by less is made up for, each of them: a new leader takes that long to come. After a longer outage
 * one call is made for all that were missed.
 */
export const MAKE_UP_MS = 60_000;

/**
 * @param seed what `H` in a cron expression stands for depends on; the schedule's id
 * @returns the first moment after `after` (both Redis ms). @throws Error for a bad expression or time zone
 */
export const nextMoment = ({ cron, tz = 'UTC', everyMs }: Timing, after: number, seed: string): number => {
  if (everyMs !== undefined) return (Math.floor(after / everyMs) + 1) * everyMs;
  return CronExpressionParser.parse(cron ?? '', { tz, currentDate: new Date(after), hashSeed: seed })
    .next()
    .getTime();
};

export interface DueMoments {
  /** To be cast, the oldest first. */
  readonly moments: readonly number[];
  /** The first one that is not due. */
  readonly next: number;
}

/** @param first the stored moment, which is due @throws Error for a timing that has been damaged */
export const dueMoments = (timing: Timing, first: number, now: number, seed: string): DueMoments => {
  if (now - first > MAKE_UP_MS) return { moments: [first], next: nextMoment(timing, now, seed) };
  const moments: number[] = [];
  let next = first;
  while (next <= now) {
    moments.push(next);
    next = nextMoment(timing, next, seed);
  }
  return { moments, next };
};
