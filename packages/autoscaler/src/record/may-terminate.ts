/** The one gate before every termination. All paths that end an instance go through it. Pure. */
import type { IntentRecord } from './intent.ts';

/**
 * Whether this instance may be ended now. Each ground is checked against what the record itself proves, so that a path
 * that sets a ground too early still ends nobody who may be busy.
 */
export const mayTerminate = (record: IntentRecord, now: number): boolean => {
  if (record.state === 'terminated' || record.grounds === null) return false;
  if (record.grounds === 'forced') return true;
  if (isProtected(record, now)) return false;
  switch (record.grounds) {
    case 'drained':
      return record.drain?.acknowledged === true;
    case 'deadline':
      return record.drain !== null && record.drain.deadlineAt !== null && now >= record.drain.deadlineAt;
    case 'boot-failed':
      // One that has been ready may hold calls, whatever happened to its boot.
      return record.readyAt === null;
    case 'ended':
    case 'lost':
    case 'orphan':
      return true;
  }
};

/** An operator has protected it, and the time is not over. */
export const isProtected = ({ protectedUntil }: IntentRecord, now: number): boolean =>
  protectedUntil !== null && now < protectedUntil;
