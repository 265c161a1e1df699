import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLazyTimer } from '../src/lazy-timer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a timer that is set calls once, when it is due', async () => {
  const timer = createLazyTimer();
  const fn = vi.fn();
  timer.set(fn, 100);
  await vi.advanceTimersByTimeAsync(99);
  expect(fn).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fn).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});

test('what is set later takes the place of what was set before, sooner or later than it', async () => {
  const timer = createLazyTimer();
  const [first, later, sooner] = [vi.fn(), vi.fn(), vi.fn()];
  timer.set(first, 100);
  timer.set(later, 250);
  await vi.advanceTimersByTimeAsync(249);
  expect(later).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(later).toHaveBeenCalledTimes(1);
  timer.set(first, 1_000);
  timer.set(sooner, 10);
  await vi.advanceTimersByTimeAsync(10);
  expect(sooner).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(first).not.toHaveBeenCalled();
});

test('one that is cleared and set again needs no second timer of Node, and calls when the new time is over', async () => {
  const timer = createLazyTimer();
  const fn = vi.fn();
  for (let call = 0; call < 5; call += 1) {
    timer.set(fn, 100);
    await vi.advanceTimersByTimeAsync(30);
    timer.clear();
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fn).not.toHaveBeenCalled();
  timer.set(fn, 100);
  await vi.advanceTimersByTimeAsync(100);
  expect(fn).toHaveBeenCalledTimes(1);
});

test('endless time and a stopped timer hold nothing', async () => {
  const timer = createLazyTimer();
  const fn = vi.fn();
  timer.set(fn, Number.POSITIVE_INFINITY);
  expect(vi.getTimerCount()).toBe(0);
  timer.set(fn, 100);
  timer.stop();
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fn).not.toHaveBeenCalled();
});

test('a time that one timer of Node cannot hold is kept', async () => {
  const timer = createLazyTimer();
  const fn = vi.fn();
  const days = 40 * 86_400_000;
  timer.set(fn, days);
  await vi.advanceTimersByTimeAsync(days - 1);
  expect(fn).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(fn).toHaveBeenCalledTimes(1);
});
