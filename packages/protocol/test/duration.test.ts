import { afterEach, expect, test, vi } from 'vitest';
import { formatBytes, parseBytes } from '../src/bytes.ts';
import { type Duration, duration, formatDuration, parseDuration, setLongTimeout } from '../src/duration.ts';
import { FlameConfigError } from '../src/errors/index.ts';

afterEach(() => {
  vi.useRealTimers();
});

test.each<[Duration, number]>([
  [0, 0],
  [250, 250],
  ['250ms', 250],
  ['30s', 30_000],
  ['30 s', 30_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  ['1.5s', 1500],
  ['1.1s', 1100],
  ['0.2ms', 1],
  [0.4, 1],
  // Whatever the type takes.
  ['1e3s', 1_000_000],
  ['.5s', 500],
  ['5  m', 300_000],
])('%s is %d ms', (input, ms) => {
  expect(parseDuration(input)).toBe(ms);
});

test('A-20: a text from the environment is a duration, a plain number milliseconds, anything else an error', () => {
  expect([duration('5 s'), duration('1500'), duration(' 2h ')]).toEqual([5000, 1500, 7_200_000]);
  for (const text of ['', 'soon', '-5', '1.5']) expect(() => duration(text)).toThrow(FlameConfigError);
});

test('R-31 durations around the limits of timers are exact', () => {
  for (const ms of [2 ** 31 - 1, 2 ** 31, 2 ** 40, 2 ** 53 - 1]) expect(parseDuration(ms)).toBe(ms);
  expect(parseDuration(`${2 ** 40}ms`)).toBe(2 ** 40);
});

test.each([
  -1,
  '-5s',
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  '500',
  '',
  's',
  '1w',
  null,
  undefined,
  {},
  [],
  true,
  5n,
])('R-31 %s is refused as a duration, naming the option', (input) => {
  expect(() => parseDuration(input as Duration, 'timeout')).toThrow(FlameConfigError);
  expect(() => parseDuration(input as Duration, 'timeout')).toThrow(/^timeout /);
});

test('durations are shown in the two largest units', () => {
  const shown = [
    0, 250, 999.6, 1500, 30_000, 59_960, 60_000, 93_412, 7_200_000, 7_260_000, 3_599_900, 604_800_000, 90_000_000,
  ];
  expect(shown.map(formatDuration)).toEqual([
    ...['0ms', '250ms', '1s', '1.5s', '30s', '1m', '1m', '1m 33s', '2h', '2h 1m', '1h', '7d', '1d 1h'],
  ]);
});

test('DC-01 R-31 a timeout beyond 2^31 ms waits in pieces, fires once, and warns of nothing', () => {
  vi.useFakeTimers();
  const warn = vi.spyOn(process, 'emitWarning');
  const fn = vi.fn();
  setLongTimeout(fn, 2 ** 32);
  vi.advanceTimersByTime(2 ** 32 - 10);
  expect(fn).not.toHaveBeenCalled();
  vi.advanceTimersByTime(20);
  expect(fn).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
  expect(warn).not.toHaveBeenCalled();
});

test('DC-03 R-31 real timers of 2^31, 2^40 and 2^53 ms neither fire nor warn', async () => {
  const warn = vi.spyOn(process, 'emitWarning');
  const fn = vi.fn();
  const timers = [2 ** 31, 2 ** 40, 2 ** 53, Number.POSITIVE_INFINITY].map((ms) => setLongTimeout(fn, ms).unref());
  await new Promise<void>((resolve) => setLongTimeout(resolve, 20));
  for (const timer of timers) timer.clear();
  expect(fn).not.toHaveBeenCalled();
  expect(warn).not.toHaveBeenCalled();
});

test('a timeout never fires before its time by the monotonic clock', async () => {
  for (let round = 0; round < 20; round += 1) {
    const startedAt = performance.now();
    await new Promise<void>((resolve) => setLongTimeout(resolve, 3));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(3);
  }
});

test('a cleared timeout does not fire, also between two of its pieces', () => {
  vi.useFakeTimers();
  const fn = vi.fn();
  const timer = setLongTimeout(fn, 2 ** 32);
  vi.advanceTimersByTime(2 ** 31);
  timer.clear();
  vi.advanceTimersByTime(2 ** 33);
  expect(fn).not.toHaveBeenCalled();
});

test('sizes are read in binary units and shown', () => {
  expect([1024, '16MB', '512KB', '1GB', '1.5KB', '3B'].map((size) => parseBytes(size as '1MB'))).toEqual([
    ...[1024, 16 * 1024 ** 2, 512 * 1024, 1024 ** 3, 1536, 3],
  ]);
  expect([12, 1536, 16 * 1024 ** 2, 1024 ** 3].map(formatBytes)).toEqual(['12 B', '1.5 KB', '16 MB', '1 GB']);
});

test.each([-1, Number.NaN, '16', '16mb', '-1MB', null, {}])('%s is refused as a size', (input) => {
  expect(() => parseBytes(input as '1MB', 'payloadLimit')).toThrow(/^payloadLimit /);
});
