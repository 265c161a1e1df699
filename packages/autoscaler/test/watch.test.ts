/** What a controller has seen over time counts only while it has really been looking. */
import type { RunnerRecord } from '@flamejs/protocol';
import { expect, test } from 'vitest';
import { createWatch } from '../src/observe/watch.ts';
import type { PoolSnapshot } from '../src/store/store.ts';

const MAX_GAP_MS = 10_000;
const agent = { runnerId: 'r1', state: 'ready', heartbeatAt: 1 } as RunnerRecord;
const snapshot = { agents: [agent] } as unknown as PoolSnapshot;

const watchUntil = (...times: readonly number[]) => {
  const watch = createWatch();
  for (const at of times) watch.note({ at, snapshot, listing: null }, MAX_GAP_MS);
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
