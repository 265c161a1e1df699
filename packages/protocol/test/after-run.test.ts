/** The table of outcomes and budgets, without anything running. */

import { expect, test } from 'vitest';
import { planAfterRun } from '../src/attempt/after-run.ts';
import type { CallFacts } from '../src/attempt/call-facts.ts';
import type { ExecutionResult } from '../src/attempt/execution-result.ts';
import type { StopCause } from '../src/attempt/stop-cause.ts';
import { FlameCrashError, FlameDeadlineError, FlameRunnerLostError, FlameTimeoutError } from '../src/errors/index.ts';
import type { Envelope, PickUp } from '../src/index.ts';

const pickUp: PickUp = {
  generation: 1,
  ats: 1,
  attemptsBefore: 0,
  handedBack: 0,
  runnerLosses: 0,
  executorKills: 0,
  lateFaults: 0,
  settled: false,
  cancelReason: undefined,
  failOnLoss: false,
  deadlineAt: 0,
  waitedMs: 0,
  askedAt: 0,
  queueTimeoutMs: 0,
  oversizeBytes: 0,
  streamFrom: 0,
  at: 1_000,
};

interface Changes {
  readonly pickUp?: Partial<PickUp>;
  readonly opts?: Partial<Envelope['opts']>;
  readonly attemptsMade?: number;
  readonly cause?: StopCause;
}

const plan = (result: ExecutionResult, changes: Changes = {}) => {
  const opts = { timeoutMs: 1, retries: 0, failOnLoss: false, resultTtlMs: 1, failedTtlMs: 1, ...changes.opts };
  const call: CallFacts = {
    callId: 'main.x',
    pool: 'main',
    ats: 1,
    attempt: 1,
    attemptsMade: changes.attemptsMade ?? 0,
    pickUp: { ...pickUp, ...changes.pickUp },
    envelope: { v: 1, fn: 'f', release: 'a', args: '[]', size: 2, by: '', opts },
  };
  return planAfterRun({ call, result, cause: changes.cause, release: 'a', random: () => 0 });
};

const frame = Buffer.from('x');
const threw = (more: Partial<Extract<ExecutionResult, { kind: 'threw' }>> = {}): ExecutionResult => ({
  kind: 'threw',
  frame,
  retryable: true,
  errorName: 'Error',
  errorMessage: 'no',
  ...more,
});
const crashed = (byOutsider: boolean): ExecutionResult => ({
  kind: 'crashed',
  exitCode: null,
  signal: 'SIGKILL',
  stderr: 'last words',
  byOutsider,
});

test('a value is a value', () => {
  expect(plan({ kind: 'returned', frame })).toEqual({ kind: 'value', frame });
});

test('what the function throws is retried while `retries` are left, and only when it is retryable', () => {
  expect(plan(threw()).kind).toBe('thrown');
  expect(plan(threw(), { opts: { retries: 1 } })).toMatchObject({ kind: 'retry', delayMs: 0 });
  expect(plan(threw(), { opts: { retries: 1 }, attemptsMade: 1 }).kind).toBe('thrown');
  expect(plan(threw({ retryable: false }), { opts: { retries: 1 } }).kind).toBe('thrown');
});

test('backoff: data given with the call wins over what the function says, and grows', () => {
  const backoff = { type: 'exponential', delayMs: 100, maxMs: 1_000, jitter: 0 } as const;
  expect(plan(threw({ retryDelayMs: 7 }), { opts: { retries: 9 } })).toMatchObject({ delayMs: 7 });
  expect(plan(threw({ retryDelayMs: 7 }), { opts: { retries: 9, backoff } })).toMatchObject({ delayMs: 100 });
  expect(plan(threw(), { opts: { retries: 9, backoff }, attemptsMade: 2 })).toMatchObject({ delayMs: 400 });
});

test.each([
  ['timeout', { kind: 'timeout', timeoutMs: 5 }, FlameTimeoutError],
  ['crash', crashed(false), FlameCrashError],
] as const)('a %s uses `retries`', (_, result, ErrorClass) => {
  const last = plan(result as ExecutionResult);
  expect(last.kind === 'error' && last.error).toBeInstanceOf(ErrorClass);
  expect(plan(result as ExecutionResult, { opts: { retries: 1 } }).kind).toBe('retry');
});

test('an executor killed by somebody else costs no retry, and ends the call at the third time', () => {
  expect(plan(crashed(true))).toMatchObject({ kind: 'again', count: 'f:kill', delayMs: 0 });
  expect(plan(crashed(true), { pickUp: { executorKills: 1 } }).kind).toBe('again');
  const last = plan(crashed(true), { pickUp: { executorKills: 2 } });
  expect(last.kind === 'error' && last.error).toBeInstanceOf(FlameCrashError);
  expect(plan(crashed(true), { opts: { failOnLoss: true } }).kind).toBe('error');
});

test('a late fault of an earlier call costs nothing three times', () => {
  const late: ExecutionResult = { kind: 'late-fault', message: 'left behind', started: true };
  expect(plan(late, { pickUp: { lateFaults: 2 } })).toMatchObject({ kind: 'again', count: 'f:late' });
  expect(plan(late, { pickUp: { lateFaults: 3 } }).kind).toBe('error');
  expect(plan(late, { opts: { failOnLoss: true } }).kind).toBe('error');
  expect(plan({ ...late, started: false }, { opts: { failOnLoss: true } }).kind).toBe('again');
});

test('a deadline that passes inside of an attempt ends the call, whatever is left of its retries', () => {
  const ended = plan({ kind: 'cancelled', reason: 'deadline' }, { cause: { kind: 'deadline' }, opts: { retries: 3 } });
  expect(ended.kind === 'error' && ended.error).toBeInstanceOf(FlameDeadlineError);
});

test('a hand-back is free; with onRunnerLost "fail" only before the call has begun', () => {
  const cause: StopCause = { kind: 'shutdown', reason: 'sigterm' };
  const abandoned = (started: boolean): ExecutionResult => ({ kind: 'abandoned', started });
  expect(plan(abandoned(true), { cause })).toMatchObject({ kind: 'again', delayMs: 0 });
  expect(plan(abandoned(true), { cause })).not.toHaveProperty('count');
  const lost = plan(abandoned(true), { cause, opts: { failOnLoss: true } });
  expect(lost.kind === 'error' && lost.error).toBeInstanceOf(FlameRunnerLostError);
  expect(plan(abandoned(false), { cause, opts: { failOnLoss: true } }).kind).toBe('again');
});

test('F16 a superseded attempt leaves no trace', () => {
  expect(plan({ kind: 'abandoned', started: true }, { cause: { kind: 'superseded' } })).toEqual({ kind: 'drop' });
});

test('SD-13 a function that only another release knows waits for a runner of that release', () => {
  const unknown = threw({ retryable: false, errorName: 'FlameUnknownFunctionError' });
  expect(plan(unknown).kind).toBe('thrown');
  const call = { opts: {} };
  expect(
    planAfterRun({
      call: { ...factsOf('b'), ...call } as CallFacts,
      result: unknown,
      cause: undefined,
      release: 'a',
    }),
  ).toEqual({ kind: 'park', park: { wanted: 'b', found: 'a', why: 'unknown' } });
});

const factsOf = (release: string): CallFacts => ({
  callId: 'main.x',
  pool: 'main',
  ats: 1,
  attempt: 1,
  attemptsMade: 0,
  pickUp,
  envelope: {
    v: 1,
    fn: 'f',
    release,
    args: '[]',
    size: 2,
    by: '',
    opts: { timeoutMs: 1, retries: 0, failOnLoss: false, resultTtlMs: 1, failedTtlMs: 1 },
  },
});

test('C-75: the message of a crash is the text of what nothing caught, in JSON as well', () => {
  const fault = 'Unhandled rejection: Error: my reason';
  const result: ExecutionResult = { kind: 'crashed', exitCode: 1, signal: null, stderr: '', byOutsider: false, fault };
  const ended = plan(result);
  const error = ended.kind === 'error' ? ended.error : undefined;
  expect(error).toBeInstanceOf(FlameCrashError);
  expect(error?.message).toMatch(/exit code 1: Unhandled rejection: Error: my reason$/);
  expect(JSON.stringify(error)).toContain('my reason');
});
