/** A policy that follows a calendar: minima for recurring periods, booted ahead. */
import { type Duration, FlameConfigError, type Policy, parseDuration } from '@flamejs/queue';
import { CronExpressionParser } from 'cron-parser';

export interface SchedulePeriod {
  /** Five-field cron expression of the period's start. */
  readonly cron: string;
  /** How long it lasts: milliseconds or a string such as `'10h'`. */
  readonly lasts: Duration;
  /** Runners that are wanted during it. */
  readonly runners: number;
}

export interface ScheduleOptions {
  /** Time zone of the cron expressions, such as `'Europe/Berlin'`. Default `'UTC'`. */
  readonly tz?: string;
}

/**
 * Wants `runners` during each period, beginning one boot time before it, and 0 outside. Meant for `combine`, beside a
 * policy that follows the queue.
 * @throws FlameConfigError when a cron expression, time zone, duration or number cannot be read.
 */
export const schedule = (periods: readonly SchedulePeriod[], options: ScheduleOptions = {}): Policy => {
  const tz = options.tz ?? 'UTC';
  const parsed = periods.map((period, index) => parsePeriod(period, tz, `schedule[${index}]`));
  return {
    name: 'schedule',
    desired(observation, pool) {
      const lead = observation.bootTimeMs ?? pool.bootTimeoutMs;
      const running = parsed.filter((period) => isWithin(period, observation.at, lead, tz));
      const desired = Math.max(0, ...running.map((period) => period.runners));
      const reason = running.length === 0 ? 'no scheduled period' : `scheduled: ${desired}`;
      return { desired, memory: undefined, reasons: [reason] };
    },
  };
};

interface ParsedPeriod {
  readonly cron: string;
  readonly lastsMs: number;
  readonly runners: number;
}

const parsePeriod = (period: SchedulePeriod, tz: string, path: string): ParsedPeriod => {
  const problem = (message: string, cause?: unknown): never => {
    throw new FlameConfigError(`${path}: ${message}`, { problems: [{ path, message }], cause });
  };
  try {
    CronExpressionParser.parse(period.cron, { tz }).next();
  } catch (error) {
    problem(`cannot read cron ${JSON.stringify(period.cron)} in time zone ${JSON.stringify(tz)}`, error);
  }
  if (!Number.isInteger(period.runners) || period.runners < 0) {
    problem(`runners must be a whole number from 0, got ${String(period.runners)}`);
  }
  return { cron: period.cron, lastsMs: parseDuration(period.lasts, `${path}.lasts`), runners: period.runners };
};

/** The newest start that is not later than `at + lead` decides. */
const isWithin = (period: ParsedPeriod, at: number, leadMs: number, tz: string): boolean => {
  // `prev` is exclusive; a start at this very millisecond counts.
  const currentDate = new Date(at + leadMs + 1);
  const start = CronExpressionParser.parse(period.cron, { tz, currentDate }).prev().getTime();
  return at < start + period.lastsMs;
};
