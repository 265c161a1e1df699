/** How many slots a queue of BullMQ has work for. */
import { expect, test } from 'vitest';
import { overlaid } from '../src/observe/bullmq-queue.ts';
import { type QueueBounds, queueCap } from '../src/plan/queue-cap.ts';
import type { PoolSnapshot } from '../src/store/store.ts';

const none: QueueBounds = { globalConcurrency: undefined, elsewhere: 0, limit: undefined, usedUpForMs: 0 };
const input = { active: 3, serviceTimeMs: null, bootTimeoutMs: 30_000 };

test('a queue without bounds has no cap', () => {
  expect(queueCap(none, input)).toBeNull();
});

test('of the global concurrency, what other workers hold is not there for runners', () => {
  expect(queueCap({ ...none, globalConcurrency: 5 }, input)).toEqual({
    slots: 5,
    reason: "the queue's global concurrency is 5",
  });
  expect(queueCap({ ...none, globalConcurrency: 5, elsewhere: 7 }, input)).toMatchObject({
    slots: 0,
    reason: "the queue's global concurrency is 5, 7 of it taken by other workers",
  });
});

test('a limiter has work for as many slots as begin while one job runs, and for none that would come while it is used up', () => {
  const limit = { max: 10, durationMs: 1_000 };
  expect(queueCap({ ...none, limit }, input)?.slots).toBe(10);
  expect(queueCap({ ...none, limit }, { ...input, serviceTimeMs: 200 })?.slots).toBe(10);
  expect(queueCap({ ...none, limit }, { ...input, serviceTimeMs: 2_500 })?.slots).toBe(25);
  // It lets jobs begin again before a machine is there.
  expect(queueCap({ ...none, limit, usedUpForMs: 30_000 }, input)?.slots).toBe(10);
  expect(queueCap({ ...none, limit, usedUpForMs: 30_001 }, input)).toEqual({
    slots: 3,
    reason: "the queue's limiter lets 10 begin in 1000 ms, and is used up for 31 s",
  });
});

test('the tightest bound counts', () => {
  const limit = { max: 2, durationMs: 1_000 };
  expect(queueCap({ ...none, limit, globalConcurrency: 1 }, input)?.slots).toBe(1);
  expect(queueCap({ ...none, limit, globalConcurrency: 9 }, input)?.slots).toBe(2);
});

test('jobs of other workers are no demand; those whose lock has run out are', () => {
  const agents = [{ active: 2 }, { active: 1 }] as unknown as PoolSnapshot['agents'];
  const snapshot = { agents, paused: false, waiting: 0, prioritized: 0, active: 0, dueSoon: 0, oldestWaitAt: null };
  const look = {
    ...{ paused: false, waiting: 4, prioritized: 1, dueSoon: 2, held: 8, orphaned: 1, oldestWaitAt: 5 },
    ...{ globalConcurrency: undefined, globalLimit: undefined, limiter: { begun: 10, leftMs: 400 } },
  };
  const seen = overlaid(snapshot as unknown as PoolSnapshot, look, { max: 10, durationMs: 1_000 });
  expect(seen).toMatchObject({ waiting: 4, prioritized: 1, dueSoon: 2, active: 4, oldestWaitAt: 5 });
  expect(seen.bounds).toEqual({
    globalConcurrency: undefined,
    elsewhere: 5,
    limit: { max: 10, durationMs: 1_000 },
    usedUpForMs: 400,
  });
  // The queue's own limit wins over the worker's, as with BullMQ.
  const own = overlaid(
    snapshot as unknown as PoolSnapshot,
    { ...look, globalLimit: { max: 50, durationMs: 10 } },
    undefined,
  );
  expect(own.bounds).toMatchObject({ limit: { max: 50, durationMs: 10 }, usedUpForMs: 0 });
});
