/** The pure guards: breaker, capacity, limiter, window, mayTerminate. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allowance, bootFailed, bootSucceeded, breakerTiming, CLOSED, refused } from '../src/plan/breaker.ts';
import { noCapacity, OPEN_GATE } from '../src/plan/capacity.ts';
import { eased, fullLimiter, launchRate, refill, take, throttled } from '../src/plan/limiter.ts';
import { EMPTY_WINDOW, largestWish, noteWish } from '../src/plan/window.ts';
import { type Grounds, type IntentRecord, newIntent } from '../src/record/intent.ts';
import { mayTerminate } from '../src/record/may-terminate.ts';

const timing = breakerTiming(300_000, 10_000);

describe('breaker', () => {
  test('machines that were launched together fail as one', () => {
    let breaker = CLOSED;
    for (let i = 0; i < 10; i += 1)
      breaker = bootFailed(breaker, { now: 100 + i, launchedAt: 50, reason: 'x' }, timing);
    expect(breaker).toMatchObject({ open: false, failures: 10, outcomes: ['failed'] });
    expect(allowance(breaker, 100, 0)).toBe(0);
    expect(allowance(breaker, breaker.notBefore, 0)).toBe(Number.POSITIVE_INFINITY);
  });
  test('two failed waves open it; then one probe at a time, ever less often, up to half an hour', () => {
    let breaker = bootFailed(CLOSED, { now: 1_000, launchedAt: 0, reason: 'x' }, timing);
    breaker = bootFailed(breaker, { now: 20_000, launchedAt: 10_000, reason: 'x' }, timing);
    expect(breaker.open).toBe(true);
    const pauses: number[] = [];
    for (let probe = 0; probe < 8; probe += 1) {
      const launchedAt = breaker.notBefore;
      expect(allowance(breaker, launchedAt, 0)).toBe(1);
      expect(allowance(breaker, launchedAt, 1)).toBe(0);
      breaker = bootFailed(breaker, { now: launchedAt + 1, launchedAt, reason: 'x' }, timing);
      pauses.push(breaker.notBefore - launchedAt - 1);
    }
    expect(pauses.slice(0, 5)).toEqual([120_000, 240_000, 480_000, 960_000, 1_800_000]);
    expect(Math.max(...pauses)).toBe(30 * 60_000);
  });
  test('a success closes it; a definite refusal opens it at once', () => {
    const open = refused(CLOSED, 5, 'UnauthorizedOperation', timing);
    expect(open).toMatchObject({ open: true, reason: 'UnauthorizedOperation' });
    expect(bootSucceeded(open)).toMatchObject({ open: false, notBefore: 0, failures: 0, reason: null });
  });
  test('a fifth of failures never opens it', () => {
    let breaker = CLOSED;
    for (let i = 1; i <= 50; i += 1) {
      const now = i * 60_000;
      breaker =
        i % 5 === 0 ? bootFailed(breaker, { now, launchedAt: now - 1, reason: 'x' }, timing) : bootSucceeded(breaker);
      expect(breaker.open).toBe(false);
    }
  });
});

test('no capacity: three minutes, doubling to fifteen; one tick of refusals counts once', () => {
  let gate = OPEN_GATE;
  const pauses: number[] = [];
  let now = 0;
  for (let i = 0; i < 5; i += 1) {
    for (let each = 0; each < 4; each += 1) gate = noCapacity(gate, { now, kind: 'capacity', reason: 'ICE' }, 300_000);
    pauses.push(gate.until - now);
    now = gate.until;
  }
  expect(pauses).toEqual([180_000, 360_000, 720_000, 900_000, 900_000]);
});

describe('limiter', () => {
  const rate = launchRate(10, 10_000);
  test('a burst, then its rate; throttling halves it, success brings it back', () => {
    let limiter = take(fullLimiter(rate, 0), 10);
    expect(limiter.tokens).toBe(0);
    limiter = refill(limiter, rate, 5_000);
    expect(limiter.tokens).toBeCloseTo(5);
    limiter = refill(throttled(limiter), rate, 10_000);
    expect(limiter.tokens).toBeCloseTo(2.5);
    for (let i = 0; i < 8; i += 1) limiter = eased(limiter);
    expect(limiter.factor).toBe(1);
  });
  test('a clock that goes back gives nothing, and no more than the burst is ever there', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -100_000, max: 100_000 })), (times) => {
        let limiter = take(fullLimiter(rate, 0), 10);
        for (const at of times) {
          const next = refill(limiter, rate, at);
          if (at <= limiter.at) expect(next.tokens).toBe(limiter.tokens);
          expect(next.tokens).toBeLessThanOrEqual(rate.burst);
          limiter = next;
        }
      }),
    );
  });
});

describe('scale-down window', () => {
  test('is not known before it has passed once', () => {
    const window = noteWish(EMPTY_WINDOW, 0, 3, 100);
    expect(largestWish(window, 99, 100)).toBe(Number.POSITIVE_INFINITY);
    expect(largestWish(window, 100, 100)).toBe(3);
  });
  test('gives the largest wish that held within it, as a plain search would', () => {
    const wishes = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.nat(10)), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(wishes, fc.integer({ min: 1, max: 80 }), (steps, ms) => {
        let window = EMPTY_WINDOW;
        let now = 0;
        const noted: { at: number; desired: number }[] = [];
        for (const [pause, desired] of steps) {
          now += pause;
          window = noteWish(window, now, desired, 80);
          noted.push({ at: now, desired });
        }
        const held = noted.filter((_, index) => (noted[index + 1]?.at ?? Number.POSITIVE_INFINITY) > now - ms);
        const expected =
          now - (noted[0]?.at ?? 0) < ms ? Number.POSITIVE_INFINITY : Math.max(...held.map((w) => w.desired));
        expect(largestWish(window, now, ms)).toBe(expected);
        expect(window.earlier.length).toBeLessThanOrEqual(11);
      }),
    );
  });
});

describe('mayTerminate', () => {
  const from = { runnerId: 'a', pool: 'p', backend: 'b', release: 'r', slots: 1, env: {}, reason: '' };
  const drain = { cause: 'idle', reason: '', generation: 1, since: 0, deadlineAt: null, acknowledged: false } as const;
  const record = (grounds: Grounds | null, change: Partial<IntentRecord> = {}): IntentRecord => ({
    ...newIntent(from, 0),
    state: 'terminating',
    readyAt: 1,
    grounds,
    ...change,
  });

  test('nothing without grounds, and a drain only once it is acknowledged or its time is over', () => {
    expect(mayTerminate(record(null), 100)).toBe(false);
    expect(mayTerminate(record('drained', { drain }), 100)).toBe(false);
    expect(mayTerminate(record('drained', { drain: { ...drain, acknowledged: true } }), 100)).toBe(true);
    expect(mayTerminate(record('deadline', { drain: { ...drain, deadlineAt: 101 } }), 100)).toBe(false);
    expect(mayTerminate(record('deadline', { drain: { ...drain, deadlineAt: 100 } }), 100)).toBe(true);
    expect(mayTerminate(record('deadline', { drain }), 100)).toBe(false);
  });
  test('a runner that has been ready did not fail to boot', () => {
    expect(mayTerminate(record('boot-failed'), 100)).toBe(false);
    expect(mayTerminate(record('boot-failed', { readyAt: null }), 100)).toBe(true);
  });
  test('protection blocks every path but force', () => {
    const grounds: Grounds[] = ['drained', 'deadline', 'ended', 'lost', 'boot-failed', 'orphan'];
    const change = { protectedUntil: 200, readyAt: null, drain: { ...drain, acknowledged: true, deadlineAt: 1 } };
    for (const each of grounds) expect(mayTerminate(record(each, change), 100)).toBe(false);
    for (const each of grounds) expect(mayTerminate(record(each, change), 200)).toBe(true);
    expect(mayTerminate(record('forced', change), 100)).toBe(true);
  });
});
