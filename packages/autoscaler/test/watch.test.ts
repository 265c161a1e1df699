/** What a controller has seen over time counts only while it has really been looking. */
import type { RunnerRecord } from '@flamejs/protocol';
import { expect, test } from 'vitest';
import { createWatch } from '../src/observe/watch.ts';
import type { IntentRecord } from '../src/record/intent.ts';
import type { PoolSnapshot } from '../src/store/store.ts';

const MAX_GAP_MS = 10_000;
const agent = { runnerId: 'r1', state: 'ready', heartbeatAt: 1 } as RunnerRecord;
const snapshot = { agents: [agent] } as unknown as PoolSnapshot;

const watchUntil = (...times: readonly number[]) => {
  const watch = createWatch();
  for (const at of times) watch.note({ at, snapshot, listing: null }, MAX_GAP_MS, MAX_GAP_MS);
  return watch;
};

test('a heartbeat that stands still is silence for as long as it is looked at', () => {
  expect(watchUntil(0, 5_000, 12_000).silentMs('r1')).toBe(12_000);
});

test('P23 a controller that stood still, with the machine or alone, has seen no silence meanwhile', () => {
  const watch = watchUntil(0, 5_000, 305_000);
  expect(watch.silentMs('r1')).toBe(0);
  expect(watch.steadyMs()).toBe(0);
});

test('I10 a clock that goes back makes no silence', () => {
  expect(watchUntil(50_000, 10_000, 12_000).silentMs('r1')).toBe(2_000);
});

test('C-70: of a sleep that is shorter than a gap, only what a tick may take counts as silence', () => {
  const watch = createWatch();
  for (const at of [1_000, 6_000, 36_000, 41_000]) watch.note({ at, snapshot, listing: null }, 60_000, 6_000);
  expect(watch.silentMs('r1')).toBe(5_000 + 6_000 + 5_000);
});

test('C-70: how long a record has been slept through is known, and no longer than it has been in its state', () => {
  const watch = createWatch();
  for (const at of [1_000, 3_000, 83_000, 85_000]) watch.note({ at, snapshot, listing: null }, 10_000, 5_000);
  const since = (stateSince: number) =>
    watch.sighting({ runnerId: 'r1', stateSince } as IntentRecord, 'unknown', false, 100_000);
  // It is in its state since before the sleep, since the middle of it, and since after it.
  expect(since(10_000).sleptMs).toBe(75_000);
  expect(since(60_000).sleptMs).toBeLessThanOrEqual(40_000);
  expect(since(99_000).sleptMs).toBe(0);
});
