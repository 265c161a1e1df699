/** History over a range: which resolution, and what lies between two points. */
import { expect, test } from 'vitest';
import { pointOf, resolutionOf, withArrivals } from '../src/operations/range.ts';

const HOUR = 3_600_000;

test('an hour is shown in seconds, a day in minutes, everything longer or older in quarters of an hour', () => {
  const now = 1_000 * HOUR;
  expect(resolutionOf(now - HOUR, now)).toBe('seconds');
  expect(resolutionOf(now - 2 * HOUR, now)).toBe('minutes');
  expect(resolutionOf(now - 24 * HOUR, now)).toBe('minutes');
  expect(resolutionOf(now - 25 * HOUR, now)).toBe('quarters');
});

const minute = (more: Readonly<Record<string, unknown>>) => ({
  waiting: '3.5',
  waitingLast: '2',
  wanted: '-1',
  ...more,
});

test('between two points stand the calls that arrived, ended and failed, and their histograms, whatever was left out in between', () => {
  const before = minute({
    at: '60000',
    begun: '10',
    ended: '8',
    failures: '1',
    failed: '0',
    w: '5,3',
    r: '1,7',
    ms: '1000',
    nano: '5',
  });
  const then = minute({
    at: '180000',
    begun: '14',
    ended: '13',
    failures: '2',
    failed: '5',
    w: '6,6',
    r: '1,12',
    waitingLast: '5',
    ms: '4000',
    nano: '2000000005',
  });
  expect(pointOf(then, before, 'minutes')).toMatchObject({
    at: 180_000,
    waiting: 3.5,
    wanted: null,
    // Four were begun, and three more wait than before.
    arrived: 7,
    ended: 5,
    failed: 1,
    waits: [1, 3],
    runs: [0, 5],
    machineMs: 3_000,
    dollars: 2,
  });
});

test('the first point has no differences, and counters that began anew are not negative', () => {
  expect(pointOf(minute({ begun: '10', w: '1,2' }), undefined, 'minutes')).toMatchObject({
    arrived: null,
    ended: null,
    waits: null,
  });
  const later = pointOf(
    minute({ begun: '3', ended: '2', w: '1,0' }),
    minute({ begun: '10', ended: '9', w: '9,9' }),
    'minutes',
  );
  expect(later).toMatchObject({ arrived: 3, ended: 2, waits: [1, 0] });
});

test('a call that left the queue before its beginning was told is one arrival, not two', () => {
  const samples = [
    { waiting: '0', begun: '0' },
    { waiting: '1', begun: '0' },
    { waiting: '0', begun: '0' },
    { waiting: '0', begun: '1' },
  ];
  const points = samples.map((sample, i) => pointOf(sample, samples[i - 1], 'seconds'));
  expect(withArrivals(points).map(({ arrived }) => arrived)).toEqual([null, 1, 0, 0]);
});
