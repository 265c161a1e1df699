/** What becomes of a call at its pick-up. */

import { expect, test } from 'vitest';
import { decidePickUp, type PickedUp } from '../src/attempt/decide-pick-up.ts';
import {
  FlameCancelledError,
  FlameCodecError,
  FlameDeadlineError,
  FlameQueueTimeoutError,
  FlameRunnerLostError,
  FlameUntrustedError,
} from '../src/errors/index.ts';
import type { Envelope, PickUp } from '../src/index.ts';

const envelope: Envelope = {
  v: 1,
  fn: 'f',
  release: 'a',
  args: '[]',
  size: 2,
  by: '',
  opts: { timeoutMs: 1, retries: 0, failOnLoss: false, resultTtlMs: 1, failedTtlMs: 1 },
};
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
  waitedMs: 10,
  askedAt: 0,
  queueTimeoutMs: 0,
  oversizeBytes: 0,
  streamFrom: 0,
  at: 1_000,
};
const decide = (change: Partial<PickUp> = {}, call: Partial<PickedUp> = {}) =>
  decidePickUp({
    callId: 'main.x',
    pool: 'main',
    envelope,
    distrust: undefined,
    closed: false,
    release: 'a',
    strict: false,
    missing: new Map(),
    ...call,
    pickUp: { ...pickUp, ...change },
  });

test('a plain call runs', () => {
  expect(decide()).toEqual({ kind: 'run', envelope });
});

test('F34 a draining runner hands everything back, before it looks at anything else', () => {
  expect(decide({ settled: true, cancelReason: 'no' }, { closed: true })).toEqual({ kind: 'hand-back' });
});

test('a call that has its outcome is only cleared away', () => {
  expect(decide({ settled: true, cancelReason: 'no' })).toEqual({ kind: 'finish' });
});

test.each([
  ['cancelled', { cancelReason: 'no' }, {}, FlameCancelledError],
  ['past its deadline', { deadlineAt: 1_000 }, {}, FlameDeadlineError],
  ['that waited too long', { queueTimeoutMs: 9 }, {}, FlameQueueTimeoutError],
  ['that lost a runner and must not run again', { runnerLosses: 1, failOnLoss: true }, {}, FlameRunnerLostError],
  ['that lost too many runners', { runnerLosses: 11 }, {}, FlameRunnerLostError],
  ['picked up too often', { ats: 101 }, {}, FlameRunnerLostError],
  ['that is not trusted', {}, { distrust: 'it is not signed' }, FlameUntrustedError],
  ['that cannot be read', {}, { envelope: 'its envelope is damaged' }, FlameCodecError],
] as const)('a call %s ends with its error', (_, change, call, ErrorClass) => {
  const decision = decide(change, call);
  expect(decision.kind === 'settle' && decision.error).toBeInstanceOf(ErrorClass);
});

test.each([
  ['ten lost runners', { runnerLosses: 10 }, {}],
  ['a hundred pick-ups', { ats: 100 }, {}],
  ['a deadline still to come', { deadlineAt: 1_001 }, {}],
  ['a wait within its queueTimeout', { queueTimeoutMs: 10 }, {}],
] as const)('%s are no reason to end', (_, change, call) => {
  expect(decide(change, call).kind).toBe('run');
});

test('R-35 a call of another release runs here unless the policy says strict, or its function is known to be missing', () => {
  const missing = new Map([['f', 'changed' as const]]);
  expect(decide({}, { release: 'b' })).toEqual({ kind: 'run', envelope });
  expect(decide({}, { strict: true, missing })).toEqual({ kind: 'run', envelope });
  const park = { wanted: 'a', found: 'b' };
  expect(decide({}, { release: 'b', strict: true })).toEqual({ kind: 'park', park: { ...park, why: 'strict' } });
  const asked = { ...envelope, opts: { ...envelope.opts, strict: true as const } };
  expect(decide({}, { release: 'b', envelope: asked })).toEqual({ kind: 'park', park: { ...park, why: 'strict' } });
  expect(decide({}, { release: 'b', missing })).toEqual({ kind: 'park', park: { ...park, why: 'changed' } });
});
