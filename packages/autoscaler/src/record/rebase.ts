/**
 * Times that lie in the future were written before Redis' clock was set back. Left alone they would hold a timeout for as
 * long as the jump; moved to now, the wait begins again and nothing is judged early. Pure.
 */
import type { IntentRecord } from './intent.ts';

/** @param longestPauseMs the farthest that a planned retry can honestly lie ahead */
export const withoutFuture = (record: IntentRecord, now: number, longestPauseMs: number): IntentRecord => {
  const { launch, terminate, drain } = record;
  const ahead = Math.max(record.createdAt, record.stateSince, launch.acceptedAt ?? 0, drain?.since ?? 0);
  const pause = Math.max(launch.outcome === 'accepted' ? 0 : launch.nextAt, terminate?.nextAt ?? 0);
  if (ahead <= now && pause <= now + longestPauseMs) return record;
  const past = (at: number): number => Math.min(at, now);
  const soon = (at: number): number => Math.min(at, now + longestPauseMs);
  return {
    ...record,
    createdAt: past(record.createdAt),
    stateSince: past(record.stateSince),
    readyAt: record.readyAt === null ? null : past(record.readyAt),
    launch: {
      ...launch,
      acceptedAt: launch.acceptedAt === null ? null : past(launch.acceptedAt),
      nextAt: soon(launch.nextAt),
    },
    terminate: terminate === null ? null : { ...terminate, nextAt: soon(terminate.nextAt) },
    drain:
      drain === null || drain.since <= now
        ? drain
        : { ...drain, since: now, deadlineAt: drain.deadlineAt === null ? null : drain.deadlineAt - drain.since + now },
  };
};
