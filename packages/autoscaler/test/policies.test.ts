import type { PolicyPool, PoolObservation, QueueObservation, RunnerView } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../src/plan/target.ts';
import { EMPTY_WINDOW } from '../src/plan/window.ts';
import { combine, customPolicy, queueDepth, schedule, step, waitTime, work } from '../src/policies/index.ts';
import { policyByName } from '../src/policies/named.ts';

const pool: PolicyPool = { name: 'p', min: 0, max: 10, maxConcurrency: 4, buffer: 0, bootTimeoutMs: 60_000 };
const empty: QueueObservation = {
  paused: false,
  waiting: 0,
  prioritized: 0,
  dueSoon: 0,
  active: 0,
  orphanActive: 0,
  oldestWaitMs: null,
};
const seen = (queue: Partial<QueueObservation>, more: Partial<PoolObservation> = {}): PoolObservation => ({
  now: 0,
  at: Date.UTC(2026, 5, 1, 8, 0),
  queue: { ...empty, ...queue },
  runners: [],
  serviceTimeMs: null,
  bootTimeMs: null,
  ...more,
});
const runner = (state: RunnerView['state']): RunnerView => ({
  runnerId: state,
  state,
  active: 0,
  slots: 4,
  idleMs: null,
  ageMs: 0,
});
const desired = (policy: ReturnType<typeof queueDepth>, observation: PoolObservation, of = pool): number | 'hold' => {
  const decision = policy.desired(observation, of, undefined);
  return decision === 'hold' ? 'hold' : decision.desired;
};
const counts = fc.record({
  paused: fc.boolean(),
  waiting: fc.nat(500),
  prioritized: fc.nat(50),
  dueSoon: fc.nat(50),
  active: fc.nat(50),
  orphanActive: fc.nat(10),
  oldestWaitMs: fc.option(fc.nat(100_000)),
});

describe('queueDepth', () => {
  test('F02 F03 AS-09 AS-19 counts waiting, due and running calls, rounded up to whole runners', () => {
    expect(desired(queueDepth(), seen({}))).toBe(0);
    expect(desired(queueDepth(), seen({ waiting: 4 }))).toBe(1);
    expect(desired(queueDepth(), seen({ waiting: 3, prioritized: 1, active: 1 }))).toBe(2);
    expect(desired(queueDepth(), seen({ dueSoon: 9 }))).toBe(3);
  });
  test('a paused pool needs slots only for what runs', () => {
    expect(desired(queueDepth(), seen({ paused: true, waiting: 100, active: 1 }))).toBe(1);
  });
  test('calls of lost runners count, so that nothing is stuck at zero', () => {
    expect(desired(queueDepth(), seen({ orphanActive: 1 }))).toBe(1);
  });
  test('buffer is spare slots', () => {
    expect(desired(queueDepth(), seen({ waiting: 4 }), { ...pool, buffer: 1 })).toBe(2);
  });
  test('callsPerRunner loads runners more or less than their slots', () => {
    expect(desired(queueDepth({ callsPerRunner: 10 }), seen({ waiting: 20 }))).toBe(2);
  });
  test('more demand never wants fewer runners', () => {
    fc.assert(
      fc.property(counts, fc.nat(20), (queue, more) => {
        const less = desired(queueDepth(), seen(queue)) as number;
        expect(desired(queueDepth(), seen({ ...queue, waiting: queue.waiting + more }))).toBeGreaterThanOrEqual(less);
      }),
    );
  });
});

describe('work', () => {
  test('short calls need far fewer runners than one slot each', () => {
    const observation = seen({ waiting: 400 }, { serviceTimeMs: 3_000, bootTimeMs: 90_000 });
    expect(desired(queueDepth(), observation)).toBe(100);
    expect(desired(work(), observation)).toBe(4);
  });
  test('never above queueDepth, at least one while there is work', () => {
    fc.assert(
      fc.property(counts, fc.option(fc.integer({ min: 1, max: 100_000 })), (queue, serviceTimeMs) => {
        const observation = seen(queue, { serviceTimeMs });
        const most = desired(queueDepth(), observation) as number;
        const wanted = desired(work(), observation) as number;
        expect(wanted).toBeLessThanOrEqual(most);
        if (most > 0) expect(wanted).toBeGreaterThanOrEqual(1);
      }),
    );
  });
});

describe('waitTime', () => {
  const policy = waitTime({ target: '10s' });
  const ready = (count: number): RunnerView[] => Array.from({ length: count }, () => runner('ready'));
  test('adds a fifth, at least one, while the oldest call waits too long', () => {
    expect(desired(policy, seen({ waiting: 200, oldestWaitMs: 11_000 }, { runners: ready(10) }))).toBe(12);
    expect(desired(policy, seen({ waiting: 200, oldestWaitMs: 11_000 }, { runners: ready(1) }))).toBe(2);
  });
  test('waits for those that boot', () => {
    const runners = [...ready(2), runner('booting')];
    expect(desired(policy, seen({ waiting: 200, oldestWaitMs: 11_000 }, { runners }))).toBe(3);
  });
  test('starts the first at once, and lets go only of what queueDepth does not need', () => {
    expect(desired(policy, seen({ waiting: 1, oldestWaitMs: 0 }))).toBe(1);
    expect(desired(policy, seen({ waiting: 200, oldestWaitMs: 5_000 }, { runners: ready(3) }))).toBe(3);
    expect(desired(policy, seen({ active: 1 }, { runners: ready(3) }))).toBe(1);
  });
});

describe('schedule', () => {
  const policy = schedule([{ cron: '0 9 * * 1-5', lasts: '8h', runners: 3 }], { tz: 'Europe/Berlin' });
  const at = (utc: number) => seen({}, { at: utc, bootTimeMs: 60_000 });
  test('begins one boot time early, in its own time zone, and ends on time', () => {
    // Monday 1 June 2026, 09:00 in Berlin is 07:00 UTC.
    expect(desired(policy, at(Date.UTC(2026, 5, 1, 6, 58, 59)))).toBe(0);
    expect(desired(policy, at(Date.UTC(2026, 5, 1, 6, 59, 0)))).toBe(3);
    expect(desired(policy, at(Date.UTC(2026, 5, 1, 14, 59, 59)))).toBe(3);
    expect(desired(policy, at(Date.UTC(2026, 5, 1, 15, 0, 0)))).toBe(0);
    expect(desired(policy, at(Date.UTC(2026, 5, 6, 9, 0, 0)))).toBe(0);
  });
  test('refuses what it cannot read', () => {
    expect(() => schedule([{ cron: 'nonsense', lasts: '1h', runners: 1 }])).toThrow(FlameConfigError);
    expect(() => schedule([{ cron: '* * * * *', lasts: '1h', runners: -1 }])).toThrow(FlameConfigError);
    expect(() => schedule([{ cron: '* * * * *', lasts: '1h', runners: 1 }], { tz: 'Mars/Base' })).toThrow(
      FlameConfigError,
    );
  });
});

test('step takes the highest threshold that is reached', () => {
  const policy = step([
    { calls: 100, runners: 5 },
    { calls: 1, runners: 1 },
  ]);
  expect([0, 1, 99, 100, 1_000].map((waiting) => desired(policy, seen({ waiting })))).toEqual([0, 1, 1, 5, 5]);
  expect(() =>
    step([
      { calls: 1, runners: 2 },
      { calls: 2, runners: 1 },
    ]),
  ).toThrow(FlameConfigError);
});

describe('combine', () => {
  const fixed = (n: number | 'hold') => customPolicy('fixed', () => n);
  const failing = customPolicy('failing', () => {
    throw new Error('boom');
  });
  const runners = [runner('ready'), runner('ready')];
  test('up beats hold beats down', () => {
    expect(desired(combine(fixed(1), fixed(5)), seen({}, { runners }))).toBe(5);
    expect(desired(combine(fixed('hold'), fixed(5)), seen({}, { runners }))).toBe(5);
    expect(desired(combine(fixed('hold'), fixed(1)), seen({}, { runners }))).toBe(2);
    expect(desired(combine(fixed('hold'), fixed('hold')), seen({}, { runners }))).toBe('hold');
  });
  test('one that fails stops no growth and allows no shrinking', () => {
    expect(desired(combine(failing, fixed(5)), seen({}, { runners }))).toBe(5);
    expect(desired(combine(failing, fixed(0)), seen({}, { runners }))).toBe(2);
  });
});

test('live settings name policies with plain options, and only known ones', () => {
  expect(desired(policyByName({ name: 'queueDepth', options: { callsPerRunner: 2 } }), seen({ waiting: 4 }))).toBe(2);
  const both = policyByName([{ name: 'queueDepth' }, { name: 'step', options: [{ calls: 1, runners: 7 }] }]);
  expect(desired(both, seen({ waiting: 1 }))).toBe(7);
  for (const name of ['nope', 'constructor', '__proto__']) {
    expect(() => policyByName({ name })).toThrow(FlameConfigError);
  }
});

test('a policy that throws, or answers nonsense, keeps what is there within min and max', () => {
  const input = {
    pool: { ...pool, min: 1, max: 3 },
    observation: seen({ waiting: 100 }),
    memory: undefined,
    window: EMPTY_WINDOW,
    scaleDownWindowMs: 0,
    idleShutdownAfterMs: 0,
    override: null,
  };
  for (const answer of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    const decided = decide({ ...input, policy: customPolicy('odd', () => answer), useful: 2 });
    expect(decided.target).toMatchObject({ wanted: 2, floor: Number.POSITIVE_INFINITY });
    expect(decided.desired).toBeNull();
  }
  const throwing = customPolicy('broken', () => {
    throw new Error('boom');
  });
  expect(decide({ ...input, policy: throwing, useful: 9 }).target.wanted).toBe(3);
  expect(decide({ ...input, policy: throwing, useful: 0 }).reasons[0]).toContain('boom');
});
