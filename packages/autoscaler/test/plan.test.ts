/** What a plan does, rule by rule: each with the smallest input that shows it. */
import type { StandingOrder } from '@flamejs/protocol';
import type { Instance, RunnerState } from '@flamejs/queue';
import { describe, expect, test } from 'vitest';
import type { Action } from '../src/plan/action.ts';
import { type PlanInput, type PlannedRunner, plan } from '../src/plan/plan.ts';
import { type IntentRecord, newIntent } from '../src/record/intent.ts';
import { type Sighting, UNSEEN } from '../src/record/sighting.ts';
import { timingOf } from '../src/timing.ts';

const defaults = {
  bootTimeoutMs: 300_000,
  idleShutdownAfterMs: 120_000,
  tickMs: 10_000,
  fastTickMs: 2_000,
  heartbeatTimeoutMs: 600_000,
  failsafeTimeoutMs: 600_000,
  launchesPerTick: 10,
};
const timing = timingOf({ bootTimeoutMs: 300_000, shutdownTimeoutMs: 30_000, heartbeatTimeoutMs: 600_000 }, defaults);
const NOW = 10_000_000;

const answering = {
  runnerId: '',
  pool: 'work',
  state: 'ready' as const,
  fault: '' as const,
  active: 0,
  slots: 2,
  idleSince: 0,
  startedAt: 0,
  readyAt: 0,
  heartbeatAt: 0,
  busyTotalMs: 0,
  idleTotalMs: 0,
  drainTotalMs: 0,
  roundTripMs: 0,
  release: 'r1',
  host: 'h',
  pid: 1,
  served: 0,
  ackedDrain: 0,
  reason: '',
  drain: 0,
  drainReason: '',
  parked: false,
};

interface Described {
  readonly record?: Partial<IntentRecord>;
  readonly seen?: Partial<Sighting>;
  readonly idleMs?: number | null;
  readonly active?: number;
}

/** A runner that has been ready for long and is idle for as long, but for what is said of it. */
const runner = (runnerId: string, state: RunnerState, of: Described = {}): PlannedRunner => {
  const from = { runnerId, pool: 'work', backend: 'b', release: 'r1', slots: 2, env: {}, reason: 'test' };
  const asked = newIntent(from, NOW - 500_000);
  const launch = { ...asked.launch, outcome: 'accepted' as const, acceptedAt: NOW - 500_000 };
  const readyAt = state === 'booting' || state === 'requested' ? null : NOW - 400_000;
  return {
    record: { ...asked, state, launch, readyAt, instanceId: `i-${runnerId}`, ...of.record },
    seen: { ...UNSEEN, agent: answering, steadyMs: 60_000, ...of.seen },
    idleMs: of.idleMs === undefined ? 200_000 : of.idleMs,
    active: of.active ?? 0,
  };
};
const drain = (cause: 'idle' | 'scale-down' | 'max' | 'operator' | 'drift', change = {}) => ({
  cause,
  reason: `because of ${cause}`,
  generation: 3,
  since: NOW - 1_000,
  deadlineAt: null,
  acknowledged: false,
  ...change,
});
const draining = (id: string, cause: Parameters<typeof drain>[0], change = {}, agent: object | null | 'unknown' = {}) =>
  runner(id, 'draining', {
    record: { drain: drain(cause, change) },
    seen: { agent: agent === null || agent === 'unknown' ? agent : { ...answering, drain: 3, ...agent } },
  });

const wants = (wanted: number, floor = wanted, longFloor = floor) => ({
  wanted,
  floor,
  longFloor,
  reason: 'calls wait',
});
const input = (runners: readonly PlannedRunner[], change: Partial<PlanInput> = {}): PlanInput => ({
  now: NOW,
  pool: 'work',
  min: 0,
  max: 10,
  release: 'r1',
  idleShutdownAfterMs: 120_000,
  target: wants(0),
  runners,
  external: 0,
  strays: [],
  fresh: { queue: true, registry: true, list: true },
  steadyMs: 60_000,
  paused: false,
  allowOut: true,
  allowIn: true,
  launching: { perTick: 10, tokens: 10, breaker: 10, breakerReason: null, capacityReason: null, quotaLeft: 10 },
  busy: new Set(),
  kept: new Set(),
  hasUnless: false,
  timing,
  closing: null,
  orders: [],
  ...change,
});
const of = (runners: readonly PlannedRunner[], change: Partial<PlanInput> = {}) => plan(input(runners, change));
/** Kind and runner of each action, in order. */
const told = ({ actions }: { readonly actions: readonly Action[] }): readonly string[] =>
  actions.map((action) =>
    `${action.kind} ${'runnerId' in action ? action.runnerId : 'count' in action ? action.count : ''}`.trim(),
  );

describe('growing', () => {
  test('launches what is missing and says for what', () => {
    expect(of([runner('a', 'ready'), runner('b', 'booting')], { target: wants(5) })).toEqual({
      actions: [{ kind: 'launch', count: 3, reason: 'calls wait' }],
      blocked: null,
    });
    expect(of([runner('a', 'ready')], { target: wants(1) })).toEqual({ actions: [], blocked: null });
    expect(told(of([runner('a', 'ready')], { target: wants(3), external: 1 }))).toEqual(['launch 1']);
  });

  test.each([
    [{ max: 2 }, 2, 'max 2 reached (0 machines exist)'],
    [{ launching: { quotaLeft: 3 } }, 3, 'the quota of the app is used up'],
    [{ launching: { capacityReason: 'no room in zone a' } }, 0, 'no room in zone a'],
    [{ launching: { breaker: 1 } }, 1, 'waiting for the launches under way'],
    [{ launching: { breaker: 0, breakerReason: 'boots fail' } }, 0, 'boots fail'],
    [{ launching: { tokens: 2.9 } }, 2, "the provider's rate limit is used up"],
    [{ launching: { perTick: 4 } }, 4, 'the rest follows at the next tick'],
    [{ paused: true }, 0, 'the pool is paused'],
    [{ allowOut: false }, 0, 'an operator holds scaling out'],
    [{ fresh: { queue: false } }, 0, 'the queue cannot be read'],
    [{ fresh: { registry: false } }, 0, 'the runners cannot be read'],
    [{ fresh: { list: false } }, 0, "the provider's list cannot be read"],
  ])('the tightest bound is the one that is told: %j', (change, count, blocked) => {
    const { launching, fresh, ...rest } = change as { launching?: object; fresh?: object };
    const whole = input([], { target: wants(6) });
    const given = {
      ...whole,
      ...rest,
      launching: { ...whole.launching, ...launching },
      fresh: { ...whole.fresh, ...fresh },
    };
    const planned = plan(given);
    expect(planned.blocked).toBe(blocked);
    expect(told(planned)).toEqual(count === 0 ? [] : [`launch ${count}`]);
  });

  test('whatever may exist counts against max, and what nobody should wait for does not count against demand', () => {
    const lost = [runner('a', 'lost'), draining('b', 'operator'), runner('c', 'terminated')];
    expect(of(lost, { target: wants(5), max: 4 })).toMatchObject({
      actions: [{ kind: 'launch', count: 2 }],
      blocked: 'max 4 reached (2 machines exist)',
    });
    const asked = (age: number, outcome: 'unknown' | 'pending') => {
      const one = runner('a', 'requested', { record: { createdAt: NOW - age } });
      return { ...one, record: { ...one.record, launch: { ...one.record.launch, outcome, nextAt: NOW + 1 } } };
    };
    expect(told(of([asked(59_999, 'unknown')], { target: wants(1) }))).toEqual([]);
    expect(told(of([asked(60_000, 'unknown')], { target: wants(1) }))).toEqual(['launch 1']);
    expect(told(of([asked(60_000, 'pending')], { target: wants(1) }))).toEqual([]);
  });

  test('drains for lack of work are taken back first, the newest first', () => {
    const back = [
      draining('old', 'idle', { since: NOW - 9_000 }),
      draining('new', 'scale-down', { since: NOW - 1_000 }),
      draining('b-same', 'idle', { since: NOW - 5_000 }),
      draining('a-same', 'idle', { since: NOW - 5_000 }),
    ];
    expect(told(of(back, { target: wants(3) }))).toEqual(['reactivate new', 'reactivate a-same', 'reactivate b-same']);
    expect(told(of(back, { target: wants(6) }))).toEqual([
      'reactivate new',
      'reactivate a-same',
      'reactivate b-same',
      'reactivate old',
      'launch 2',
    ]);
    expect(of(back, { target: wants(1) }).actions).toEqual([
      { kind: 'reactivate', runnerId: 'new', reason: 'calls wait' },
    ]);
  });

  test.each([
    ['somebody meant it', draining('a', 'operator')],
    ['its release is replaced', draining('a', 'drift')],
    ['it is acknowledged', draining('a', 'idle', { acknowledged: true })],
    ['it has drained', draining('a', 'idle', {}, { state: 'drained' })],
    ['it has ended', draining('a', 'idle', {}, { state: 'ended' })],
    ['nobody has heard of it', draining('a', 'idle', {}, null)],
    ['it cannot be read', draining('a', 'idle', {}, 'unknown')],
  ])('a drain is not taken back when %s', (_, gone) => {
    expect(told(of([gone], { target: wants(1) }))).toEqual(['launch 1']);
  });
});

describe('shrinking', () => {
  test('the longest idle go first, then the oldest, then by id, and those of another release before all', () => {
    const young = { record: { createdAt: NOW - 450_000 } };
    const idle = [
      runner('d', 'ready', young),
      runner('c', 'ready'),
      runner('b', 'ready'),
      runner('a', 'ready', { idleMs: 300_000 }),
      runner('e', 'ready', { idleMs: 130_000, record: { release: 'r0' } }),
    ];
    const left = (floor: number) =>
      told(of(idle, { target: wants(0, floor) })).map((one) => one.slice('drain '.length));
    expect(left(0)).toEqual(['e', 'a', 'b', 'c', 'd']);
    expect(left(3)).toEqual(['e', 'a']);
    expect(left(5)).toEqual([]);
    expect(of([runner('a', 'ready', { idleMs: 200_000.4 })]).actions).toEqual([
      {
        kind: 'drain',
        runnerId: 'a',
        cause: 'idle',
        reason: 'idle for 200000 ms',
        deadlineMs: null,
        askIdleMs: null,
      },
    ]);
  });

  test('an idle runner goes at its time and no sooner, and not while its unless function keeps it', () => {
    const one = (idleMs: number | null, change: Partial<PlanInput> = {}) =>
      told(of([runner('a', 'ready', { idleMs, active: 1, record: { readyAt: NOW } })], change));
    expect(one(119_999)).toEqual([]);
    expect(one(120_000)).toEqual(['drain a']);
    expect(one(null)).toEqual([]);
    expect(one(120_000, { kept: new Set(['a']) })).toEqual([]);
    expect(of([runner('a', 'ready')], { hasUnless: true }).actions).toMatchObject([{ askIdleMs: 200_000 }]);
  });

  test.each([
    [{ allowIn: false }],
    [{ fresh: { queue: false, registry: true, list: true } }],
    [{ fresh: { queue: true, registry: false, list: true } }],
    [{ steadyMs: timing.steadyMs - 1 }],
    [{ min: 1 }],
    [{ target: wants(0, 1) }],
    [{ target: wants(0, Number.POSITIVE_INFINITY) }],
  ])('nobody is let go with %j', (change) => {
    expect(told(of([runner('a', 'ready')], change))).toEqual([]);
    expect(told(of([runner('a', 'ready')], { steadyMs: timing.steadyMs }))).toEqual(['drain a']);
  });

  test('what still boots is no reason to let a ready one go; what somebody else keeps is', () => {
    const one = [runner('a', 'ready')];
    expect(told(of([...one, runner('b', 'booting')], { target: wants(1) }))).toEqual([]);
    expect(told(of([...one, runner('b', 'ready', { idleMs: null })], { target: wants(1) }))).toEqual(['drain a']);
    expect(told(of(one, { target: wants(1), external: 1 }))).toEqual(['drain a']);
  });

  test('above max they go at once, also those that are not idle for long, and are not asked', () => {
    const two = [
      runner('a', 'ready', { idleMs: 5 }),
      runner('b', 'ready', { idleMs: 6 }),
      runner('c', 'ready', { idleMs: 7 }),
    ];
    const over = of(two, { max: 1, target: wants(1, 9), hasUnless: true, kept: new Set(['a', 'b', 'c']) });
    expect(over.actions).toMatchObject([
      { runnerId: 'c', cause: 'max', reason: 'more runners than max 1', askIdleMs: null },
      { runnerId: 'b', cause: 'max' },
    ]);
    // Runners that somebody else keeps are not ours to bound.
    expect(told(of([runner('a', 'ready', { idleMs: 5 })], { max: 1, external: 3, target: wants(1, 9) }))).toEqual([]);
  });

  test('where nobody is idle the least active one goes, one at a time, and not one that was just ready', () => {
    const busy = (id: string, active: number, record = {}) => runner(id, 'ready', { idleMs: null, active, record });
    const spread = [busy('a', 2), busy('c', 1), busy('b', 1)];
    expect(of(spread, { target: wants(1) }).actions).toEqual([
      {
        kind: 'drain',
        runnerId: 'b',
        cause: 'scale-down',
        reason: '3 runners, 1 wanted: least active (1)',
        deadlineMs: null,
        askIdleMs: null,
      },
    ]);
    expect(told(of(spread, { target: wants(1, 1, 3) }))).toEqual([]);
    expect(told(of([...spread, draining('z', 'scale-down')], { target: wants(1) }))).toEqual([]);
    expect(told(of([...spread, draining('z', 'idle')], { target: wants(1) }))).toEqual(['drain b']);
    const fresh = spread.map((one) => ({ ...one, record: { ...one.record, readyAt: NOW - 119_999 } }));
    expect(told(of(fresh, { target: wants(1) }))).toEqual([]);
    expect(of(fresh, { target: wants(1), max: 2, min: 2 }).actions).toMatchObject([
      { runnerId: 'b', cause: 'max', reason: '3 runners, 2 wanted: least active (1)' },
    ]);
    const seasoned = spread.map((one) => ({ ...one, record: { ...one.record, readyAt: NOW - 120_000 } }));
    expect(told(of(seasoned, { target: wants(1) }))).toEqual(['drain b']);
    // One that is idle, though not for long, goes before those that are busy: later.
    expect(told(of([...spread, runner('d', 'ready', { idleMs: 1 })], { target: wants(1) }))).toEqual([]);
  });

  test('a protected runner is passed over, until its time is over', () => {
    const kept = (protectedUntil: number) => runner('a', 'ready', { record: { protectedUntil } });
    expect(told(of([kept(NOW + 1)]))).toEqual([]);
    expect(told(of([kept(NOW)]))).toEqual(['drain a']);
  });

  test('on hold nobody comes and nobody goes, and why is told', () => {
    expect(of([runner('a', 'ready')], { target: 'hold' })).toEqual({
      actions: [],
      blocked: 'the pool is on hold: what it needs is not known',
    });
  });
});

describe('upkeep', () => {
  const asked = (nextAt: number) => {
    const one = runner('a', 'requested');
    return { ...one, record: { ...one.record, launch: { ...one.record.launch, outcome: 'unknown' as const, nextAt } } };
  };
  test('a launch without outcome is asked again at its time', () => {
    expect(of([asked(NOW)], { target: 'hold' }).actions).toEqual([
      { kind: 'replay', runnerId: 'a', reason: 'launch outcome unknown' },
    ]);
    expect(told(of([asked(NOW + 1)], { target: 'hold' }))).toEqual([]);
    expect(told(of([asked(NOW)], { target: 'hold', busy: new Set(['a']) }))).toEqual([]);
  });
  test('a drain that its runner does not show is ordered again', () => {
    expect(of([draining('a', 'idle', {}, { drain: 2 })], { target: 'hold' }).actions).toEqual([
      { kind: 'order', runnerId: 'a', reason: 'because of idle' },
    ]);
    expect(told(of([draining('a', 'idle')], { target: 'hold' }))).toEqual([]);
    expect(told(of([draining('a', 'idle', {}, null)], { target: 'hold' }))).toEqual([]);
    expect(told(of([draining('a', 'idle', {}, 'unknown')], { target: 'hold' }))).toEqual([]);
    expect(
      told(of([runner('a', 'ready', { seen: { agent: { ...answering, drain: 7 } } })], { target: 'hold' })),
    ).toEqual([]);
  });
  test('what may be ended is ended, and asked for again only at its time', () => {
    const ending = (change: Partial<IntentRecord> = {}, seen: Partial<Sighting> = {}) =>
      runner('a', 'terminating', { record: { grounds: 'ended', reason: 'it said so', ...change }, seen });
    const terminate = (nextAt: number) => ({ tries: 1, nextAt, acceptedAt: null, error: null });
    expect(of([ending()], { target: 'hold' }).actions).toEqual([
      { kind: 'terminate', runnerId: 'a', grounds: 'ended', reason: 'it said so' },
    ]);
    const none = [
      ending({ instanceId: null }),
      ending({ terminate: terminate(NOW + 1) }),
      ending({ grounds: null }),
      ending({ state: 'ready' }),
      ending({ protectedUntil: NOW + 1 }),
      ending({}, { elsewhere: true }),
    ];
    for (const one of none) expect(told(of([one], { target: 'hold' }))).toEqual([]);
    expect(told(of([ending({ terminate: terminate(NOW) })], { target: 'hold' }))).toEqual(['terminate a']);
    const failed = ending({ state: 'failed', grounds: 'boot-failed', readyAt: null });
    expect(told(of([failed], { target: 'hold' }))).toEqual(['terminate a']);
  });
});

describe('strays', () => {
  const instance: Instance = { id: 'i-1', runnerId: 's', pool: 'work', state: 'running', launchedAt: 0 };
  const stray = { instance, sightings: 2, seenMs: timing.orphanMs, alive: false };
  const found = (change: Partial<typeof stray>, more: Partial<PlanInput> = {}) =>
    of([], { target: 'hold', strays: [{ ...stray, ...change }], ...more }).actions;
  test('one that answers is kept, one that does not for long is ended', () => {
    expect(found({})).toEqual([
      { kind: 'adopt', instance, as: 'orphan', reason: 'no record, and no runner answers from it' },
    ]);
    expect(found({ alive: true, seenMs: 0 })).toEqual([
      { kind: 'adopt', instance, as: 'runner', reason: 'a runner without a record answers' },
    ]);
    expect(found({ seenMs: timing.orphanMs - 1 })).toEqual([]);
    expect(found({ sightings: 1, alive: true })).toEqual([]);
  });
  test('nothing is judged on what is not known, or not for long enough', () => {
    expect(found({}, { fresh: { queue: true, registry: true, list: false } })).toEqual([]);
    expect(found({}, { fresh: { queue: true, registry: false, list: true } })).toEqual([]);
    expect(found({}, { fresh: { queue: false, registry: true, list: true } })).toHaveLength(1);
    expect(found({}, { steadyMs: timing.steadyMs - 1 })).toEqual([]);
    expect(found({}, { steadyMs: timing.steadyMs })).toHaveLength(1);
    expect(found({}, { busy: new Set(['s']) })).toEqual([]);
  });
});

describe('another release', () => {
  const old = (id: string, of: Described = {}) =>
    runner(id, 'ready', { ...of, record: { release: 'r0', ...of.record } });
  const roll = (runners: readonly PlannedRunner[], change: Partial<PlanInput> = {}) => {
    const serving = runners.filter(({ record }) => record.state === 'ready' || record.state === 'booting').length;
    return told(of(runners, { target: wants(serving), ...change }));
  };
  test('first one new runner on top, and only when it is ready the first old one goes', () => {
    const two = [old('a'), old('b', { idleMs: 300_000 })];
    expect(roll(two)).toEqual(['launch 1']);
    expect(roll([...two, runner('n', 'booting')], { target: wants(2) })).toEqual([]);
    expect(roll([...two, runner('n', 'ready', { idleMs: null })])).toEqual(['drain b']);
    expect(of([...two, runner('n', 'ready')], { target: wants(3) }).actions).toEqual([
      {
        kind: 'drain',
        runnerId: 'b',
        cause: 'drift',
        reason: 'release r0 is replaced by r1',
        deadlineMs: null,
        askIdleMs: null,
      },
    ]);
    expect(roll([...two, runner('n', 'ready'), draining('z', 'drift')])).toEqual([]);
  });
  test('under max there is no room for one on top: the first old one makes it', () => {
    const two = [old('a', { idleMs: null }), old('b', { idleMs: 0 })];
    expect(roll(two, { max: 2 })).toEqual(['drain b']);
    expect(roll([...two, draining('z', 'drift')], { max: 2 })).toEqual([]);
    expect(roll([old('a'), runner('n', 'booting')], { max: 2 })).toEqual(['launch 1'].slice(1));
  });
  test('a tenth at a time, the idle first, the protected and the booting not', () => {
    const many = Array.from({ length: 19 }, (_, i) => old(String.fromCharCode(97 + i), { idleMs: i === 5 ? 1 : null }));
    const proven = runner('n', 'ready');
    expect(roll([...many, proven], { max: 30 })).toEqual(['drain f', 'drain a']);
    expect(roll([...many, proven, draining('z', 'drift')], { max: 30 })).toEqual(['drain f']);
    expect(roll([...many.slice(1), proven], { max: 30 })).toEqual(['drain f']);
    expect(roll([old('a', { record: { protectedUntil: NOW + 1 } }), proven])).toEqual([]);
    expect(roll([old('a', { record: { state: 'booting', readyAt: null } }), proven])).toEqual([]);
  });
  test.each([
    [{ paused: true }],
    [{ allowIn: false }],
    [{ fresh: { queue: true, registry: false, list: true } }],
    [{ fresh: { queue: false, registry: true, list: true } }],
  ])('nobody is replaced with %j', (change) => {
    expect(roll([old('a'), runner('n', 'ready')])).toEqual(['drain a']);
    expect(roll([old('a'), runner('n', 'ready')], change)).toEqual([]);
  });
  test('where nothing is wanted nothing is replaced: the old ones end by being idle', () => {
    expect(of([old('a', { idleMs: 1 })], { target: wants(0) }).actions).toEqual([]);
  });
});

describe('closing', () => {
  const shutdown = { cause: 'shutdown', deadlineMs: 9_000, force: false } as const;
  test('what runs drains within the time, what has never registered ends, what drains is left alone', () => {
    const all = [
      runner('a', 'ready'),
      runner('b', 'booting'),
      runner('c', 'booting', { seen: { agent: null } }),
      runner('d', 'booting', { seen: { agent: null }, record: { instanceId: null } }),
      runner('e', 'lost'),
      draining('f', 'idle'),
    ];
    const { actions, blocked } = of(all, { closing: shutdown, target: wants(5) });
    expect(blocked).toBeNull();
    const reason = 'the autoscaler is shutting down';
    const drained = { kind: 'drain', cause: 'shutdown', reason, deadlineMs: 9_000, askIdleMs: null };
    expect(actions).toEqual([
      { ...drained, runnerId: 'a' },
      { ...drained, runnerId: 'b' },
      { kind: 'terminate', runnerId: 'c', grounds: 'forced', reason },
      { ...drained, runnerId: 'd' },
    ]);
  });
  test('by force all end, but those that end already and those that have no machine', () => {
    const all = [
      runner('a', 'ready'),
      runner('b', 'ready', { record: { instanceId: null } }),
      draining('c', 'idle'),
      runner('d', 'terminating'),
      runner('e', 'failed'),
    ];
    expect(told(of(all, { closing: { ...shutdown, force: true } }))).toEqual(['terminate a', 'drain b', 'terminate c']);
  });
  test('a pool that is not configured any more keeps what an operator protects; a shutdown does not', () => {
    const kept = [runner('a', 'ready', { record: { protectedUntil: NOW + 1 } })];
    expect(told(of(kept, { closing: { ...shutdown, cause: 'retired' } }))).toEqual([]);
    expect(told(of(kept, { closing: shutdown }))).toEqual(['drain a']);
    const retired = of([runner('a', 'ready')], { closing: { ...shutdown, cause: 'retired' } }).actions;
    expect(retired).toMatchObject([{ cause: 'retired', reason: 'the pool is no longer configured' }]);
  });
});

describe('orders of operators', () => {
  const order = (action: StandingOrder['action'], change: Partial<StandingOrder> = {}): StandingOrder =>
    ({
      runnerId: 'a',
      action,
      by: 'ann',
      reason: 'a test',
      text: 'order-1',
      withinMs: 5_000,
      until: NOW + 60_000,
      ...change,
    }) as StandingOrder;
  const given = (one: PlannedRunner | undefined, standing: StandingOrder, change: Partial<PlanInput> = {}) =>
    of(one === undefined ? [] : [one], { target: 'hold', orders: [standing], ...change }).actions;
  const fulfilled = (standing: StandingOrder, reason = 'it is carried out') => [
    { kind: 'fulfil', order: standing, reason },
  ];

  test('are carried out in words that say who ordered what', () => {
    expect(given(runner('a', 'ready'), order('drain'))).toEqual([
      {
        kind: 'drain',
        runnerId: 'a',
        cause: 'operator',
        reason: 'drained by ann: a test',
        deadlineMs: 5_000,
        askIdleMs: null,
        order: 'order-1',
      },
    ]);
    expect(given(runner('a', 'ready'), order('terminate'))).toEqual([
      { kind: 'terminate', runnerId: 'a', grounds: 'forced', reason: 'ended by ann: a test' },
    ]);
    expect(given(runner('a', 'ready'), order('protect'))).toEqual([
      { kind: 'protect', runnerId: 'a', until: NOW + 60_000, reason: 'protected by ann: a test' },
    ]);
    const kept = runner('a', 'ready', { record: { protectedUntil: NOW + 9 } });
    expect(given(kept, order('unprotect'))).toEqual([
      { kind: 'protect', runnerId: 'a', until: null, reason: 'no longer protected by ann: a test' },
    ]);
  });
  test('are taken away when the record shows them, or when they mean nothing any more', () => {
    const leaving = [runner('a', 'terminating'), runner('a', 'failed')];
    for (const one of leaving) {
      expect(given(one, order('drain'))).toEqual(fulfilled(order('drain')));
      expect(given(one, order('protect'))).toEqual(fulfilled(order('protect')));
    }
    const drained = runner('a', 'draining', { record: { drain: drain('operator', { order: 'order-1' }) } });
    expect(given(drained, order('drain')).at(0)).toMatchObject({ kind: 'fulfil' });
    expect(given(drained, order('drain', { text: 'order-2' })).at(0)).toMatchObject({ kind: 'drain' });
    expect(given(drained, order('protect')).at(0)).toMatchObject({ kind: 'fulfil' });
    expect(given(runner('a', 'ready'), order('protect', { until: NOW }))).toHaveLength(1);
    expect(given(runner('a', 'ready'), order('protect', { until: NOW }))[0]).toMatchObject({ kind: 'fulfil' });
    expect(given(runner('a', 'ready'), order('unprotect'))[0]).toMatchObject({ kind: 'fulfil' });
    const until = (protectedUntil: number) => runner('a', 'ready', { record: { protectedUntil } });
    expect(given(until(NOW + 60_000 - 1_999), order('protect'))[0]).toMatchObject({ kind: 'fulfil' });
    expect(given(until(NOW + 60_000 - 2_000), order('protect'))[0]).toMatchObject({ kind: 'protect' });
    const forced = (state: 'terminating' | 'ready', grounds: 'forced' | 'ended') =>
      given(runner('a', state, { record: { grounds } }), order('terminate'))[0];
    expect(forced('terminating', 'forced')).toMatchObject({ kind: 'fulfil' });
    expect(forced('terminating', 'ended')).toMatchObject({ kind: 'terminate', grounds: 'forced' });
    expect(forced('ready', 'forced')).toMatchObject({ kind: 'terminate' });
    expect(given(undefined, order('drain'))).toEqual(fulfilled(order('drain'), 'the runner is gone'));
  });
  test('wait for what cannot be told or ended yet, and for an action that is under way', () => {
    expect(
      told(
        of(
          [
            runner('a', 'requested', {
              record: { launch: { ...runner('a', 'ready').record.launch, nextAt: NOW + 1 } },
            }),
          ],
          { target: 'hold', orders: [order('drain')] },
        ),
      ),
    ).toEqual([]);
    expect(given(runner('a', 'ready', { record: { instanceId: null } }), order('terminate'))).toEqual([]);
    expect(given(runner('a', 'lost'), order('drain'))).toEqual([]);
    expect(given(runner('a', 'lost'), order('terminate'))).toHaveLength(1);
    expect(given(runner('a', 'ready'), order('drain'), { busy: new Set(['a']) })).toEqual([]);
    expect(
      given(
        runner('a', 'requested', { record: { launch: { ...runner('a', 'ready').record.launch, nextAt: NOW + 1 } } }),
        order('protect'),
      ),
    ).toHaveLength(1);
  });
  test('nothing else is done to a runner that an order is carried out on', () => {
    const idle = [runner('a', 'ready'), runner('b', 'ready')];
    expect(told(of(idle, { orders: [order('drain')] }))).toEqual(['drain a', 'drain b']);
  });
});
