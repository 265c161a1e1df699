/** What each policy answers at its borders, in which words, and what it remembers. */
import type {
  Policy,
  PolicyDecision,
  PolicyPool,
  PoolObservation,
  QueueObservation,
  RunnerState,
} from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue';
import { describe, expect, test } from 'vitest';
import { combine, customPolicy, queueDepth, schedule, step, waitTime, work } from '../src/policies/index.ts';
import { policyByName } from '../src/policies/named.ts';

const pool: PolicyPool = { name: 'p', min: 0, max: 10, maxConcurrency: 4, buffer: 0, bootTimeoutMs: 60_000 };
const idle: QueueObservation = {
  paused: false,
  waiting: 0,
  prioritized: 0,
  dueSoon: 0,
  active: 0,
  orphanActive: 0,
  oldestWaitMs: null,
};
const seen = (queue: Partial<QueueObservation> = {}, more: Partial<PoolObservation> = {}): PoolObservation => ({
  now: 0,
  at: Date.UTC(2026, 5, 1, 8, 0),
  queue: { ...idle, ...queue },
  runners: [],
  serviceTimeMs: null,
  bootTimeMs: null,
  ...more,
});
const runners = (...states: RunnerState[]): PoolObservation['runners'] =>
  states.map((state, index) => ({ runnerId: `r${index}`, state, active: 0, slots: 4, idleMs: null, ageMs: 0 }));
const ask = (policy: Policy, observation: PoolObservation, memory?: unknown, of = pool): PolicyDecision | 'hold' =>
  policy.desired(observation, of, memory);
const answer = (desired: number, ...reasons: string[]) => ({ desired, memory: undefined, reasons });
/** The problem that an error of the configuration names. */
const problem = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(FlameConfigError);
    const [first] = (error as FlameConfigError).problems;
    expect((error as FlameConfigError).message).toContain(first?.message);
    return `${first?.path}: ${first?.message}`;
  }
  throw new Error('nothing was refused');
};

test('queueDepth says what it counts', () => {
  expect(ask(queueDepth(), seen({ waiting: 3, prioritized: 2, active: 4 }))).toEqual(
    answer(3, '5 waiting + 4 running, 4 a runner: 3'),
  );
  const all = seen({ paused: true, waiting: 1, active: 1, dueSoon: 2, orphanActive: 3 });
  expect(ask(queueDepth({ callsPerRunner: 0.5 }), all, undefined, { ...pool, buffer: 2 })).toEqual(
    answer(
      6,
      '1 waiting + 1 running + 2 due soon + 3 to be taken back from lost runners + 2 spare, 1 a runner: 6 (paused: waiting calls do not count)',
    ),
  );
  expect(queueDepth().name).toBe('queueDepth');
});

describe('work', () => {
  const busy = { waiting: 39, prioritized: 1, active: 2, orphanActive: 1 };
  test('counts the slots that finish the backlog in time, beside those that are taken', () => {
    // 40 calls of 3 s within a boot of 30 s need 4 slots; 3 are taken: 7 slots are 2 runners.
    expect(ask(work(), seen(busy, { serviceTimeMs: 3_000.4, bootTimeMs: 30_000.4 }))).toEqual(
      answer(2, '40 waiting at 3000 ms each within 30000 ms, 3 running: 2'),
    );
    const of = (more: Partial<PoolObservation>, options = {}, change = {}) => {
      const decision = ask(work(options), seen(busy, { serviceTimeMs: 3_000, ...more }), undefined, {
        ...pool,
        ...change,
      });
      return decision === 'hold' ? decision : decision.desired;
    };
    expect(of({ bootTimeMs: 30_000 })).toBe(2);
    // Without a measured boot the pool's limit counts; the larger of it and withinMs does.
    expect(of({})).toBe(2);
    expect(of({}, {}, { bootTimeoutMs: 10_000 })).toBe(4);
    expect(of({ bootTimeMs: 10_000 }, { withinMs: 120_000 })).toBe(1);
    expect(of({ bootTimeMs: 10_000 }, { withinMs: 1_000 })).toBe(4);
    expect(of({ bootTimeMs: 0 })).toBe(11);
    expect(of({ bootTimeMs: 30_000 }, {}, { buffer: 1 })).toBe(2);
    expect(of({ bootTimeMs: 30_000 }, {}, { buffer: 2 })).toBe(3);
    // Five slots of five are one runner, whatever the quotient looks like in floating point.
    expect(of({ bootTimeMs: 60_000 }, {}, { maxConcurrency: 5 })).toBe(1);
  });
  test('answers like queueDepth until a duration has been measured, and nothing for nothing', () => {
    expect(ask(work(), seen(busy))).toEqual(ask(queueDepth(), seen(busy)));
    expect(ask(work(), seen({}, { serviceTimeMs: 1_000 }))).toMatchObject({ desired: 0 });
    expect(ask(work(), seen({ waiting: 1 }, { serviceTimeMs: 0.001 }))).toMatchObject({ desired: 1 });
    expect(work().name).toBe('work');
  });
});

describe('waitTime', () => {
  const policy = waitTime({ target: '10s' });
  const late = { waiting: 200, oldestWaitMs: 10_001 };
  test('says why it adds, waits, or leaves it', () => {
    expect(policy.name).toBe('waitTime');
    expect(ask(policy, seen({ waiting: 1 }))).toEqual(answer(1, 'there are calls and no runner: 1'));
    expect(ask(policy, seen(late, { runners: runners('ready', 'ready') }))).toEqual(
      answer(3, 'oldest call waits 10001 ms > 10000 ms: +1'),
    );
    for (const state of ['booting', 'requested'] as const) {
      expect(ask(policy, seen(late, { runners: runners('ready', state) }))).toEqual(
        answer(2, 'oldest call waits 10001 ms, runners are booting'),
      );
    }
    const onTime = seen({ waiting: 200, oldestWaitMs: 10_000 }, { runners: runners('ready', 'draining') });
    expect(ask(policy, onTime)).toEqual(answer(1, 'oldest call waits 10000 ms, within 10000 ms'));
    expect(ask(policy, seen())).toEqual(answer(0, 'oldest call waits 0 ms, within 10000 ms'));
  });
  test('adds its share of what is there, and never more than the calls need', () => {
    const ten = runners(...Array.from({ length: 10 }, () => 'ready' as const));
    expect(ask(waitTime({ target: 10_000, growth: 0.5 }), seen(late, { runners: ten }))).toMatchObject({ desired: 15 });
    expect(ask(policy, seen({ ...late, waiting: 41 }, { runners: ten }))).toMatchObject({ desired: 11 });
    expect(ask(policy, seen({ ...late, waiting: 8 }, { runners: ten }))).toMatchObject({ desired: 2 });
  });
  test('a paused pool waits for nothing', () => {
    const paused = seen({ ...late, paused: true, active: 4 }, { runners: runners('ready') });
    expect(ask(policy, paused)).toEqual(answer(1, 'oldest call waits 0 ms, within 10000 ms'));
  });
});

describe('schedule', () => {
  const daily = { cron: '0 9 * * *', lasts: '1h', runners: 2 } as const;
  const at = (hour: number, minute: number, second = 0, ms = 0) => Date.UTC(2026, 5, 1, hour, minute, second, ms);
  test('is in UTC, begins a boot timeout early where no boot has been measured, and the largest period counts', () => {
    const policy = schedule([daily, { cron: '30 9 * * *', lasts: 600_000, runners: 5 }]);
    expect(policy.name).toBe('schedule');
    const of = (time: number, bootTimeMs: number | null = null) => ask(policy, seen({}, { at: time, bootTimeMs }));
    expect(of(at(8, 58, 59, 999))).toEqual(answer(0, 'no scheduled period'));
    expect(of(at(8, 59))).toEqual(answer(2, 'scheduled: 2'));
    expect(of(at(8, 59), 1_000)).toMatchObject({ desired: 0 });
    expect(of(at(9, 0), 0)).toMatchObject({ desired: 2 });
    expect(of(at(9, 35))).toEqual(answer(5, 'scheduled: 5'));
    expect(of(at(9, 59, 59, 999))).toMatchObject({ desired: 2 });
    expect(of(at(10, 0))).toMatchObject({ desired: 0 });
  });
  test('names what it cannot read', () => {
    expect(problem(() => schedule([daily, { ...daily, cron: 'x' }]))).toBe(
      'schedule[1]: cannot read cron "x" in time zone "UTC"',
    );
    expect(problem(() => schedule([daily], { tz: 'Mars/Base' }))).toMatch(/^schedule\[0\]: .*"Mars\/Base"$/);
    for (const runners of [1.5, -1]) {
      expect(problem(() => schedule([{ ...daily, runners }]))).toBe(
        `schedule[0]: runners must be a whole number from 0, got ${runners}`,
      );
    }
    expect(ask(schedule([{ ...daily, runners: 0 }]), seen({}, { at: at(9, 30) }))).toMatchObject({ desired: 0 });
    expect(problem(() => schedule([{ ...daily, lasts: 'long' as '1h' }]))).toContain('schedule[0].lasts');
  });
});

describe('step', () => {
  test('counts what runs, says so, and is 0 without calls', () => {
    const policy = step([
      { calls: 5, runners: 2 },
      { calls: 0, runners: 1 },
    ]);
    expect(policy.name).toBe('step');
    expect(ask(policy, seen())).toEqual(answer(0, '0 calls: 0'));
    expect(ask(policy, seen({ active: 4 }))).toEqual(answer(1, '4 calls: 1'));
    expect(ask(policy, seen({ waiting: 1, active: 4 }))).toEqual(answer(2, '5 calls: 2'));
    expect(ask(step([{ calls: 5, runners: 2 }]), seen({ waiting: 4 }))).toMatchObject({ desired: 0 });
    expect(
      ask(
        step([
          { calls: 1, runners: 2 },
          { calls: 2, runners: 2 },
        ]),
        seen({ waiting: 2 }),
      ),
    ).toMatchObject({ desired: 2 });
  });
  test('names the step that is wrong', () => {
    expect(problem(() => step([{ calls: 1.5, runners: 1 }]))).toBe(
      'step: calls and runners must be whole numbers from 0, got {"calls":1.5,"runners":1}',
    );
    expect(problem(() => step([{ calls: 1, runners: -1 }]))).toContain('whole numbers from 0');
    expect(
      problem(() =>
        step([
          { calls: 2, runners: 1 },
          { calls: 1, runners: 2 },
        ]),
      ),
    ).toBe('step: the step at 2 calls wants fewer runners than the one at 1');
  });
});

describe('combine', () => {
  const counting = (name: string, hold = false): Policy => ({
    name,
    desired: (_observation, _pool, memory) => {
      if (hold) return 'hold';
      const count = ((memory as number | undefined) ?? 0) + 1;
      return { desired: count, memory: count, reasons: [`seen ${count}`] };
    },
  });
  test('each policy keeps its own memory, also while it holds or fails', () => {
    const policy = combine(counting('a'), counting('b', true), counting('c'));
    expect(policy.name).toBe('combine(a, b, c)');
    const first = ask(policy, seen(), [4, 7, undefined]) as PolicyDecision;
    expect(first).toEqual({ desired: 5, reasons: ['a: seen 5', 'b: hold', 'c: seen 1'], memory: [5, 7, 1] });
    expect(ask(policy, seen(), first.memory)).toMatchObject({ desired: 6, memory: [6, 7, 2] });
  });
  test('tells who holds and who failed', () => {
    const failing = (thrown: unknown) =>
      customPolicy('f', () => {
        throw thrown;
      });
    expect(
      ask(
        combine(
          failing(new Error('boom')),
          failing('text'),
          customPolicy('n', () => 3),
        ),
        seen(),
      ),
    ).toMatchObject({
      desired: 3,
      reasons: ['f: failed (boom), hold', 'f: failed (text), hold', 'n: n: 3'],
    });
    expect(ask(combine(failing('x')), seen())).toBe('hold');
    expect(ask(combine(), seen())).toEqual({ desired: 0, reasons: ['no policy'], memory: [] });
  });
  test('what is there is what offers slots or soon will', () => {
    const there = runners('requested', 'booting', 'ready', 'draining', 'lost', 'failed');
    const held = combine(
      customPolicy('h', () => 'hold'),
      customPolicy('n', () => 1),
    );
    expect(ask(held, seen({}, { runners: there }))).toMatchObject({ desired: 3 });
    // Where nobody holds, fewer than are there may be wanted.
    const free = combine(
      customPolicy('n', () => 1),
      customPolicy('m', () => 0),
    );
    expect(ask(free, seen({}, { runners: there }))).toMatchObject({ desired: 1 });
  });
});

test('a function of one’s own is asked with what there is, and answers a number or hold', () => {
  const policy = customPolicy('mine', ({ queue }, { max }) => (queue.paused ? 'hold' : queue.waiting + max));
  expect(policy.name).toBe('mine');
  expect(ask(policy, seen({ waiting: 2 }))).toEqual(answer(12, 'mine: 12'));
  expect(ask(policy, seen({ paused: true }))).toBe('hold');
});

describe('policies by name', () => {
  const named = (name: string, options?: unknown, observation = seen({ waiting: 8 })) => {
    const decision = ask(policyByName({ name, ...(options === undefined ? {} : { options }) } as never), observation);
    return decision === 'hold' ? decision : decision.desired;
  };
  test('take their options as plain data', () => {
    expect(named('queueDepth')).toBe(2);
    expect(named('queueDepth', { callsPerRunner: 2 })).toBe(4);
    // What is no record of options counts as none.
    for (const odd of [null, 7, ['x']]) expect(named('queueDepth', odd)).toBe(2);
    const measured = seen({ waiting: 8 }, { serviceTimeMs: 60_000, bootTimeMs: 1_000 });
    expect(named('work', undefined, measured)).toBe(2);
    expect(named('work', { withinMs: 480_000 }, measured)).toBe(1);
    const slow = seen({ waiting: 80, oldestWaitMs: 5_000 }, { runners: runners('ready') });
    expect(named('waitTime', { target: '1s' }, slow)).toBe(2);
    expect(named('waitTime', { target: '9s' }, slow)).toBe(1);
    expect(named('step', [{ calls: 1, runners: 7 }])).toBe(7);
    const periods = [{ cron: '0 10 * * *', lasts: '1h', runners: 6 }];
    const morning = seen({}, { at: Date.UTC(2026, 5, 1, 8, 30), bootTimeMs: 0 });
    expect(named('schedule', periods, morning)).toBe(0);
    expect(named('schedule', { periods, tz: 'Europe/Berlin' }, morning)).toBe(6);
  });
  test('say what is wrong with a name or its options', () => {
    expect(problem(() => policyByName({ name: 'nope' }))).toBe(
      'policy: unknown policy "nope"; known: queueDepth, work, waitTime, schedule, step',
    );
    expect(problem(() => policyByName(null as never))).toContain('unknown policy undefined');
    expect(problem(() => named('step', { calls: 1 }))).toBe('policy: step needs a list, got {"calls":1}');
    expect(problem(() => named('step', [null]))).toBe('policy: step needs a list, got [null]');
    expect(problem(() => named('step', [1]))).toBe('policy: step needs a list, got [1]');
    expect(problem(() => named('step', [{ calls: 1, runners: 1 }, 1]))).toContain('step needs a list');
    expect(problem(() => named('schedule', { tz: 'UTC' }))).toBe('policy: schedule needs a list, got {"tz":"UTC"}');
  });
});
