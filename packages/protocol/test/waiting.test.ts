/** When waiting ends: every bound at its edge, and the error and the words that go with it. */
import { describe, expect, test } from 'vitest';
import { decideExpiry, isUnbootable } from '../src/expiry.ts';
import { expiryError } from '../src/expiry-error.ts';
import { explainWaiting, type PoolStatus } from '../src/explain.ts';
import type { CallInspection, CallState, Parked } from '../src/inspection.ts';

const NOW = 1_000_000;
const call = (changes: Partial<CallInspection> = {}): CallInspection => ({
  state: 'waiting',
  ahead: 0,
  dueAt: 0,
  now: NOW,
  poolPaused: false,
  selfWait: false,
  lastStartAt: 0,
  liveActive: 0,
  runners: 1,
  generation: 1,
  waitedMs: 0,
  runnerLosses: 0,
  executorKills: 0,
  runnerId: undefined,
  queueTimeoutMs: 0,
  deadlineAt: 0,
  attempts: 0,
  attemptsMade: 0,
  startedAt: 0,
  cancelReason: undefined,
  functionName: 'f',
  enqueuedAt: NOW - 10_000,
  failOnLoss: false,
  history: [],
  parked: undefined,
  held: undefined,
  ...changes,
});
const status = (changes: Partial<PoolStatus> = {}): PoolStatus => ({
  min: 0,
  max: 3,
  maxConcurrency: 1,
  backend: 'local',
  bootTimeoutMs: 30_000,
  at: NOW - 500,
  physical: 0,
  ready: 0,
  booting: 0,
  ...changes,
});
const parked = (changes: Partial<Parked> = {}): Parked =>
  ({ wanted: 'r2', found: 'r1', why: 'unknown', forMs: 0, rolling: false, releases: ['r1'], ...changes }) as Parked;
const keep = (againInMs: number) => ({ kind: 'keep', againInMs });
const still = { limitMs: 60_000, watchedMs: 1_000_000 };

describe('bounds of its own', () => {
  test('a deadline ends what has not begun, at its millisecond', () => {
    expect(decideExpiry(call({ deadlineAt: NOW }), undefined)).toEqual({ kind: 'deadline' });
    expect(decideExpiry(call({ deadlineAt: NOW + 1 }), undefined)).toEqual(keep(10));
    expect(decideExpiry(call({ deadlineAt: NOW + 500 }), undefined)).toEqual(keep(500));
    expect(decideExpiry(call({ deadlineAt: NOW + 5_000 }), undefined)).toEqual(keep(2_000));
    expect(decideExpiry(call({ state: 'delayed', deadlineAt: NOW }), undefined)).toEqual({ kind: 'deadline' });
    for (const state of ['active', 'orphaned'] as const) {
      expect(decideExpiry(call({ state, deadlineAt: NOW - 5 }), undefined)).toEqual(keep(10));
    }
  });
  test('a queueTimeout counts waiting alone, and is looked at when it may be over', () => {
    const waits = (waitedMs: number, change = {}) =>
      decideExpiry(call({ queueTimeoutMs: 5_000, waitedMs, ...change }), still);
    expect(waits(5_000)).toEqual({ kind: 'queue-timeout', waitedMs: 5_000 });
    expect(waits(4_000)).toEqual(keep(1_000));
    expect(waits(4_999)).toEqual(keep(10));
    expect(waits(9_000, { poolPaused: true })).toEqual(keep(2_000));
    expect(waits(9_000, { state: 'active' })).toEqual(keep(2_000));
    expect(waits(1_000, { deadlineAt: NOW + 100 })).toEqual(keep(100));
  });
  test('a delayed call is looked at when it is due and its queueTimeout over', () => {
    const delayed = (change: Partial<CallInspection>) => decideExpiry(call({ state: 'delayed', ...change }), still);
    expect(delayed({ dueAt: NOW + 10_000, queueTimeoutMs: 5_000 })).toEqual(keep(15_000));
    expect(delayed({ dueAt: NOW + 10 })).toEqual(keep(2_000));
    expect(delayed({ dueAt: NOW + 10_000, deadlineAt: NOW + 3_000 })).toEqual(keep(3_000));
  });
});

describe('a pool that stands still', () => {
  const stands = (change: Partial<CallInspection>, bound: typeof still | undefined = still) =>
    decideExpiry(call({ waitedMs: 90_000, ...change }), bound);
  test('ends a call when nothing has started for the limit, nothing runs, and somebody watched', () => {
    expect(stands({})).toEqual({ kind: 'no-progress', stillMs: 90_000 });
    expect(stands({ waitedMs: 60_000 })).toEqual({ kind: 'no-progress', stillMs: 60_000 });
    expect(stands({ waitedMs: 59_000 })).toEqual(keep(2_000));
    expect(stands({ lastStartAt: NOW - 50_000 })).toEqual(keep(10_000));
    expect(stands({ lastStartAt: NOW - 60_000 })).toEqual({ kind: 'no-progress', stillMs: 60_000 });
    expect(stands({ liveActive: 1 })).toEqual(keep(2_000));
    expect(stands({}, { limitMs: 60_000, watchedMs: 40_000 })).toEqual(keep(20_000));
    expect(decideExpiry(call({ waitedMs: 90_000 }), undefined)).toEqual(keep(2_000));
  });
  test('a call for another release waits for that one, whatever else goes on', () => {
    const waits = (change: Partial<Parked>, bound = still) =>
      decideExpiry(call({ liveActive: 5, lastStartAt: NOW, parked: parked(change) }), bound);
    expect(waits({ forMs: 60_000 })).toEqual({ kind: 'no-progress', stillMs: 60_000 });
    expect(waits({ forMs: 50_000 })).toEqual(keep(10_000));
    expect(waits({ forMs: 59_999 })).toEqual(keep(2_000));
    expect(waits({ forMs: 90_000, rolling: true })).toEqual(keep(2_000));
    expect(waits({ forMs: 90_000 }, { limitMs: 60_000, watchedMs: 30_000 })).toEqual(keep(30_000));
  });
  test('one whose runners cannot boot ends what was made before the newest failure', () => {
    const broken = status({ unbootable: true, bootFailedAt: NOW - 10_000 });
    const waits = (change: Partial<CallInspection>, of = broken) =>
      decideExpiry(call({ runners: 0, ...change }), still, of);
    expect(waits({})).toEqual({ kind: 'unbootable' });
    expect(waits({ enqueuedAt: NOW - 9_999 }).kind).toBe('keep');
    expect(waits({ runners: 1 }).kind).toBe('keep');
    expect(isUnbootable(broken, NOW - 10_000)).toBe(true);
    expect(isUnbootable({ ...broken, ready: 1 }, 0)).toBe(false);
    expect(isUnbootable({ ...broken, unbootable: false }, 0)).toBe(false);
    expect(isUnbootable(status({ unbootable: true }), 1)).toBe(false);
    expect(isUnbootable(undefined, 0)).toBe(false);
  });
});

describe('the error of it', () => {
  const told = (changes: Partial<CallInspection>, decision: Parameters<typeof expiryError>[3], of?: PoolStatus) =>
    expiryError('c1', 'work', call(changes), decision, of);
  test('a deadline says when it was', () => {
    expect(told({ state: 'delayed', deadlineAt: 7, dueAt: NOW + 1_000 }, { kind: 'deadline' })).toMatchObject({
      code: 'FLAME_ERR_DEADLINE',
      callId: 'c1',
      deadlineAt: 7,
      message: 'call c1: its deadline passed while it was delayed: it is due in 1.0 s',
    });
  });
  test('a boot that failed is the cause, of whichever bound it was', () => {
    const failed = status({ bootFailure: 'no image' });
    for (const decision of [{ kind: 'queue-timeout', waitedMs: 5 }, { kind: 'unbootable' }] as const) {
      expect(told({}, decision, failed)).toMatchObject({
        code: 'FLAME_ERR_BOOT',
        reason: 'no image',
        message: 'call c1: no runner of pool "work" could be started: no image',
      });
    }
    expect(told({ runners: 0 }, { kind: 'unbootable' }, status())).toMatchObject({
      code: 'FLAME_ERR_BOOT',
      reason: expect.stringContaining('the pool has no runner yet'),
    });
  });
  test('a queueTimeout and a pool that stands still say how long', () => {
    expect(told({ queueTimeoutMs: 5_000 }, { kind: 'queue-timeout', waitedMs: 5_100 })).toMatchObject({
      code: 'FLAME_ERR_QUEUE_TIMEOUT',
      waitedMs: 5_100,
      message: expect.stringMatching(/^call c1 waited 5100 ms, its queueTimeout is 5000 ms: it waits for a free slot/),
    });
    expect(told({ waitedMs: 7 }, { kind: 'no-progress', stillMs: 9 })).toMatchObject({
      code: 'FLAME_ERR_QUEUE_TIMEOUT',
      waitedMs: 7,
      message: expect.stringMatching(/^call c1: pool "work" has started nothing for 9 ms: it waits/),
    });
  });
  test.each([
    ['unknown', 'FLAME_ERR_UNKNOWN_FUNCTION', 'release r1 has no such function (the caller is release r2)'],
    ['changed', 'FLAME_ERR_RELEASE', 'release r1 has another body of it (the caller is release r2)'],
    ['strict', 'FLAME_ERR_RELEASE', 'release r1 may not take it (the caller is release r2)'],
  ] as const)('a call for another release (%s) names both', (why, code, text) => {
    const error = told(
      { parked: parked({ why, forMs: 8 }) },
      { kind: 'no-progress', stillMs: 8 },
      status({ bootFailure: 'x' }),
    );
    expect(error.code).toBe(code);
    expect(error.message).toContain(`call c1 of "f" waited 8 ms for a runner of its caller's release: ${text}`);
    expect(error.advice).toContain('Deploy callers and runners together');
  });
});

describe('why it waits', () => {
  const why = (changes: Partial<CallInspection>, of?: PoolStatus) => {
    const { reason, text } = explainWaiting('work', call(changes), of);
    return `${reason}: ${text}`;
  };
  test('a call that does not wait says what it does', () => {
    expect(why({ state: 'settled' })).toBe('settled: it has finished');
    for (const state of ['missing', 'expired', 'lost'] as CallState[])
      expect(why({ state })).toMatch(/^gone: there is no such call/);
    expect(why({ state: 'active', runnerId: 'w-1', attempts: 2, startedAt: NOW - 1_500 })).toBe(
      'running: it runs on w-1, attempt 2, for 1.5 s',
    );
    expect(why({ state: 'active', startedAt: NOW + 5 })).toBe('running: it runs on a runner, attempt 0, for 0.0 s');
    expect(why({ state: 'active', cancelReason: 'ann said so' })).toBe('cancelling: it is being stopped: ann said so');
    expect(why({ state: 'orphaned', runnerId: 'w-1' })).toMatch(/^runner-lost: its runner w-1 no longer answers/);
    expect(why({ state: 'delayed', dueAt: NOW + 500 })).toBe('delayed: it is due in 0.5 s');
    expect(why({ state: 'delayed', dueAt: NOW, attemptsMade: 1 })).toMatch(
      /0\.0 s \(backoff after a failed attempt\)$/,
    );
  });
  test('an autoscaler that is silent for a minute is taken for gone, but not while there are runners', () => {
    expect(why({ runners: 0 }, status({ at: NOW - 60_001 }))).toMatch(/^no-autoscaler: .*been heard of for 60\.0 s$/);
    expect(why({ runners: 0 }, status({ at: NOW - 60_000 }))).toMatch(/^booting: the pool has no runner yet/);
    expect(why({ runners: 1 }, status({ at: 0 }))).toMatch(/^free-slot/);
    expect(why({ runners: 1 })).toBe("free-slot: it waits for a free slot of the pool's runner; it is next");
    expect(why({ runners: 2, ahead: 3 })).toBe(
      "free-slot: it waits for a free slot of the pool's 2 runners; 3 calls are ahead of it",
    );
    expect(why({ poolPaused: true, runners: 0 })).toBe('paused: pool "work" is paused');
  });
  test('what keeps runners from coming counts only while none is ready', () => {
    expect(why({ ahead: 1 }, status({ blocked: 'no quota' }))).toBe('blocked: no runner can be started: no quota');
    expect(why({}, status({ blocked: 'no quota', ready: 1 }))).toMatch(/^free-slot/);
    expect(why({}, status({ bootFailure: 'x', ready: 1 }))).toMatch(/^free-slot/);
    expect(why({}, status({ booting: 1, ready: 1 }))).toMatch(/^free-slot/);
    expect(why({}, status({ booting: 2 }))).toBe('booting: 2 runners are booting; it is next');
  });
  test('a pool whose running calls all await its own says so once it cannot grow', () => {
    expect(why({ selfWait: true })).toMatch(/^self-wait: pool "work" waits for itself/);
    expect(why({ selfWait: true }, status({ physical: 3 }))).toMatch(/^self-wait/);
    expect(why({ selfWait: true }, status({ physical: 2 }))).toMatch(/^free-slot/);
    expect(why({}, status({ physical: 3 }))).toMatch(
      /^max-reached: all slots of the pool's 3 runners are taken \(max 3\)/,
    );
    expect(why({}, status({ physical: 4 }))).toMatch(/^max-reached/);
  });
  test('a call for another release says which, why, and what is done about it', () => {
    const waits = (change: Partial<Parked>, of?: PoolStatus) => why({ parked: parked(change) }, of);
    expect(waits({})).toBe(
      "needs-release: it needs a runner of release r2; the pool's runners have r1, and release r1 does not have the function",
    );
    expect(waits({ why: 'changed', releases: [] })).toBe(
      'needs-release: it needs a runner of release r2; the pool has no runner, and the function is another one in release r1',
    );
    expect(waits({ why: 'strict', releases: ['r0', 'r1'] })).toContain(
      'have r0, r1, and the pool takes calls of its own',
    );
    expect(waits({}, status({ release: 'r2' }))).toMatch(/; the autoscaler brings up runners of r2$/);
    expect(waits({}, status({ release: 'r1', bootFailure: 'no image' }))).toMatch(
      /function; the last runner could not be started: no image$/,
    );
  });
});
