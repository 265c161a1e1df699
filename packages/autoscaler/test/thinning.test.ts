/** The history that lasts: what is merged, and when. */
import { expect, test } from 'vitest';
import { createThinner } from '../src/thinning.ts';

test('a period becomes one sample with means, highest values and the last queue; what was not known is no part of a mean', () => {
  const minutes = createThinner({ widthMs: 60_000 });
  expect(minutes.add(1_000, { waiting: 2, wanted: -1, ready: 0 })).toBeUndefined();
  expect(minutes.add(30_000, { waiting: 9, wanted: 4, ready: 1 })).toBeUndefined();
  expect(minutes.add(59_999, { waiting: 1, wanted: 2, ready: 3 })).toBeUndefined();
  expect(minutes.add(60_000, { waiting: 100, wanted: 5, ready: 5 })).toMatchObject({
    period: 0,
    of: 3,
    waiting: 4,
    waitingMax: 9,
    waitingLast: 1,
    wanted: 3,
    ready: 1.33,
    readyMax: 3,
  });
});

test('a period without any sample leaves a gap, and a leader that ends writes what it has', () => {
  const minutes = createThinner({ widthMs: 60_000 });
  minutes.add(10_000, { waiting: 1, wanted: -1 });
  expect(minutes.add(600_000, { waiting: 7, wanted: -1 })).toMatchObject({ period: 0, of: 1, wanted: -1 });
  expect(minutes.rest()).toMatchObject({ period: 600_000, waitingLast: 7 });
  expect(minutes.rest()).toBeUndefined();
});
