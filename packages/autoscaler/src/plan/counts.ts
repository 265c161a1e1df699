/**
 * The two counts, which are never mixed. Physical: whatever may exist at the provider; it is held against max, quota and
 * budget. Useful: what offers slots or soon will; it is held against demand. Pure.
 */
import type { RunnerState } from '@flamejs/queue';
import type { IntentRecord } from '../record/intent.ts';
import type { Timing } from '../timing.ts';

export const physicalCount = (records: readonly IntentRecord[], strays: number): number =>
  records.filter((record) => record.state !== 'terminated').length + strays;

export const isUsefulRecord = (record: IntentRecord, now: number, timing: Timing): boolean => {
  switch (record.state) {
    case 'booting':
    case 'ready':
      return true;
    case 'requested':
      // A launch whose outcome stays unknown holds its place in the physical count, but nobody should wait for it.
      return record.launch.outcome !== 'unknown' || now - record.createdAt < timing.callTimeoutMs;
    default:
      return false;
  }
};

export const countStates = (records: readonly IntentRecord[]): Readonly<Record<RunnerState, number>> => {
  const counts: Record<RunnerState, number> = {
    requested: 0,
    booting: 0,
    ready: 0,
    draining: 0,
    terminating: 0,
    failed: 0,
    lost: 0,
    terminated: 0,
  };
  for (const record of records) counts[record.state] += 1;
  return counts;
};
