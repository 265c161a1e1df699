/** When waiting ends, by whose judgement, and with what error. */
import { describe, expect, test } from 'vitest';
import { createAwakeClock } from '../src/awake.ts';
import { decideExpiry } from '../src/expiry.ts';
import { expiryError } from '../src/expiry-error.ts';
import type { PoolStatus } from '../src/explain.ts';
import type { CallInspection } from '../src/inspection.ts';

const NOW = 1_000_000;
const waiting: CallInspection = {
  state: 'waiting',
  ahead: 0,
  dueAt: 0,
  now: NOW,
  poolPaused: false,
  lastStartAt: 0,
  liveActive: 0,
  runners: 0,
  generation: 0,
  waitedMs: 10_000,
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
  selfWait: false,
  parked: undefined,
  held: undefined,
};
const broken: PoolStatus = {
  min: 0,
  max: 2,
  maxConcurrency: 1,
  backend: 'local',
  bootTimeoutMs: 5_000,
  at: NOW,
  physical: 0,
  ready: 0,
  booting: 0,
  bootFailure: 'exit code 1: the image is broken',
  bootFailedAt: NOW - 1_000,
  unbootable: true,
};
const still = { limitMs: 35_000, watchedMs: 10_000 };

describe('C-35 a pool that has given up', () => {
  test('C-35: a call that waited while the boots failed ends at once, with the reason', () => {
    const decision = decideExpiry(waiting, still, broken);
    if (decision.kind === 'keep') throw new Error('it is due');
    const error = expiryError('c1', 'main', waiting, decision, broken);
    expect([error.code, error.message]).toEqual(['FLAME_ERR_BOOT', expect.stringContaining('the image is broken')]);
  });

  test('C-35: with an own queueTimeout, and without a bound, nobody is told', () => {
    expect(decideExpiry({ ...waiting, queueTimeoutMs: 60_000 }, still, broken).kind).toBe('keep');
    expect(decideExpiry(waiting, undefined, broken).kind).toBe('keep');
  });
});

describe('C-70 a judge that slept', () => {
  test('C-70: a pool stands still only for as long as whoever judges has watched it', () => {
    const slept = { ...waiting, waitedMs: 86_000 };
    expect(decideExpiry(slept, { limitMs: 60_000, watchedMs: 6_000 }).kind).toBe('keep');
    expect(decideExpiry(slept, { limitMs: 60_000, watchedMs: 61_000 })).toEqual({
      kind: 'no-progress',
      stillMs: 61_000,
    });
  });

  test('C-70: a clock of awake time counts steps, and of a gap no more than a step', () => {
    let now = 0;
    const awake = createAwakeClock(1_000, () => now);
    for (const at of [500, 1_000, 81_000, 81_500, 81_400]) {
      now = at;
      awake.ms();
    }
    expect(awake.ms()).toBe(500 + 500 + 1_000 + 500);
  });
});

describe('C-34 the same error whoever ends the waiting', () => {
  test.each([
    ['boots fail', broken, 'FLAME_ERR_BOOT', /the image is broken/],
    [
      'all slots are taken',
      { ...broken, bootFailure: undefined, physical: 2, ready: 2 },
      'FLAME_ERR_QUEUE_TIMEOUT',
      /slots/,
    ],
  ])('C-34: when %s', (_, status, code, text) => {
    const call = { ...waiting, queueTimeoutMs: 5_000, runners: 2 };
    const decision = decideExpiry(call, undefined);
    if (decision.kind === 'keep') throw new Error('it is due');
    const error = expiryError('c1', 'main', call, decision, status as PoolStatus);
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(text)]);
  });
});
