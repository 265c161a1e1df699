/** The life of a runner as a pure function, and the plan made of it. */

import type { RunnerRecord } from '@flamejs/protocol';
import type { Instance, RunnerState } from '@flamejs/queue';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PlanInput, PlannedRunner } from '../src/plan/plan.ts';
import { plan } from '../src/plan/plan.ts';
import { advance } from '../src/record/advance.ts';
import { type DrainIntent, decodeIntent, encodeIntent, type IntentRecord, newIntent } from '../src/record/intent.ts';
import { mayTerminate } from '../src/record/may-terminate.ts';
import { withoutFuture } from '../src/record/rebase.ts';
import { newRunnerId } from '../src/record/runner-id.ts';
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

const from = {
  runnerId: 'work-aaaaaa-bbbbbbbbbbbb',
  pool: 'work',
  backend: 'b',
  release: 'r1',
  slots: 2,
  env: {},
  reason: 'test',
};
const accepted = (state: RunnerState, change: Partial<IntentRecord> = {}): IntentRecord => {
  const record = newIntent(from, NOW - 200_000);
  const launch = { ...record.launch, outcome: 'accepted' as const, acceptedAt: NOW - 200_000 };
  const readyAt = state === 'booting' ? null : NOW - 100_000;
  return { ...record, state, launch, readyAt, instanceId: 'i-1', ...change };
};
const drain = (change: Partial<DrainIntent> = {}): DrainIntent => ({
  cause: 'idle',
  reason: 'idle',
  generation: 2,
  since: NOW - 1_000,
  deadlineAt: null,
  acknowledged: false,
  ...change,
});
const agent = (change: Partial<RunnerRecord> = {}): RunnerRecord => ({
  runnerId: from.runnerId,
  pool: 'work',
  state: 'ready',
  fault: '',
  busyTotalMs: 0,
  idleTotalMs: 0,
  drainTotalMs: 0,
  roundTripMs: 0,
  active: 0,
  slots: 2,
  idleSince: 0,
  startedAt: 0,
  readyAt: 0,
  heartbeatAt: 0,
  release: 'r1',
  host: 'h',
  pid: 1,
  served: 0,
  ackedDrain: 0,
  reason: '',
  drain: 0,
  drainReason: '',
  parked: false,
  ...change,
});
const machine: Instance = { id: 'i-1', runnerId: from.runnerId, pool: 'work', state: 'running', launchedAt: 0 };
const seen = (change: Partial<Sighting> = {}): Sighting => ({
  ...UNSEEN,
  agent: agent(),
  instance: machine,
  steadyMs: 60_000,
  ...change,
});
const step = (record: IntentRecord, sighting: Sighting, now = NOW) => advance(record, sighting, now, timing);
const stateAfter = (record: IntentRecord, sighting: Sighting, now = NOW): RunnerState =>
  step(record, sighting, now).record.state;

describe('booting', () => {
  test('a lost launch reply is made up for by the list, or by the runner itself', () => {
    const asked = newIntent(from, NOW - 5_000);
    expect(stateAfter(asked, seen({ agent: null, instance: 'unknown' }))).toBe('requested');
    expect(step(asked, seen({ agent: null })).record).toMatchObject({ state: 'booting', instanceId: 'i-1' });
    expect(stateAfter(asked, seen({ instance: 'absent' }))).toBe('booting');
    expect(stateAfter(asked, seen({ agent: null, instance: 'absent', absences: 9 }))).toBe('requested');
  });
  test('it is ready when its runner says so', () => {
    expect(stateAfter(accepted('booting'), seen({ agent: agent({ state: 'starting' }) }))).toBe('booting');
    expect(step(accepted('booting'), seen())).toMatchObject({
      record: { state: 'ready', readyAt: NOW },
      happened: [{ type: 'runner.ready', details: { bootMs: 200_000 } }],
    });
  });
  test('C-53: what its provider has agreed to end still counts while its lists may lag behind the launch', () => {
    const launchedAt = (acceptedAt: number) =>
      ({ attempt: 1, outcome: 'accepted', acceptedAt, tries: 1, nextAt: 0, env: {} }) as const;
    const terminate = { tries: 1, nextAt: NOW + 5_000, acceptedAt: NOW - 5_000, error: null };
    const ends = (acceptedAt: number) =>
      accepted('terminating', {
        ...{ readyAt: null, grounds: 'boot-failed', launch: launchedAt(acceptedAt), terminate },
      });
    const absent = seen({ agent: null, instance: 'absent', absences: 2 });
    expect(stateAfter(ends(NOW - 20_000), absent)).toBe('terminating');
    expect(stateAfter(ends(NOW - 600_000), absent)).toBe('terminated');
    expect(stateAfter(ends(NOW - 600_000), { ...absent, absences: 1 })).toBe('terminating');
    // An answering runner is there, whatever the list says.
    expect(stateAfter(ends(NOW - 600_000), { ...absent, agent: agent(), silentMs: 0 })).toBe('terminating');
  });
  test('C-53: one that the provider shows as ended is gone at once, and not terminated again', () => {
    const failed = accepted('failed', { readyAt: null, grounds: 'boot-failed' });
    const gone = { ...machine, state: 'gone' as const, end: { reason: 'Client.UserInitiatedShutdown' } };
    expect(stateAfter(failed, seen({ agent: null, instance: gone }))).toBe('terminated');
  });
  test('C-70: time that the controller slept through is no time that a boot or a drain took', () => {
    const late = NOW + 100_000;
    expect(stateAfter(accepted('booting'), seen({ agent: null, sleptMs: 80_000 }), late)).toBe('booting');
    expect(stateAfter(accepted('booting'), seen({ agent: null, sleptMs: 80_000 }), late + 80_000)).toBe('failed');
    const draining = accepted('draining', { drain: drain({ deadlineAt: NOW - 1_000 }) });
    expect(stateAfter(draining, seen({ agent: agent({ active: 1 }), sleptMs: 30_000 }))).toBe('draining');
    expect(stateAfter(draining, seen({ agent: agent({ active: 1 }) }))).toBe('terminating');
  });
  test('P25 it fails at its boot timeout, by the provider’s word, or by its own end', () => {
    const late = NOW + 100_000;
    expect(stateAfter(accepted('booting'), seen({ agent: null }), late - 1)).toBe('booting');
    expect(step(accepted('booting'), seen({ agent: null }), late).record).toMatchObject({
      state: 'failed',
      grounds: 'boot-failed',
    });
    const gone = { ...machine, state: 'gone' as const, end: { reason: 'exit code 1' } };
    expect(step(accepted('booting'), seen({ agent: null, instance: gone })).record).toMatchObject({
      state: 'terminated',
      reason: 'exit code 1',
    });
    expect(stateAfter(accepted('booting'), seen({ agent: agent({ state: 'ended', reason: 'bad config' }) }))).toBe(
      'failed',
    );
  });
  test('P25 a machine that its provider takes away before it is ready has not failed to boot', () => {
    const spoken = agent({ state: 'ended', reason: 'spot interruption' });
    const taken = {
      ...machine,
      state: 'stopping' as const,
      details: { stateReason: 'Server.SpotInstanceTermination' },
    };
    const gone = { ...taken, state: 'gone' as const };
    for (const [sighting, state] of [
      [seen({ agent: spoken }), 'terminating'],
      [seen({ agent: spoken, instance: gone }), 'terminated'],
      [seen({ agent: null, instance: taken }), 'terminating'],
      [seen({ agent: null, instance: gone }), 'terminated'],
    ] as const) {
      const { record, happened } = step(accepted('booting'), sighting);
      expect(record).toMatchObject({ state, grounds: 'ended' });
      expect(happened).toMatchObject([{ type: 'runner.ended', details: { interrupted: true } }]);
    }
    // The same words from a machine that is still there mean nothing yet.
    const alive = seen({ agent: agent({ state: 'starting', reason: 'spot interruption' }) });
    expect(stateAfter(accepted('booting'), alive)).toBe('booting');
    const ownFault = agent({ state: 'ended', reason: 'executors do not start' });
    expect(stateAfter(accepted('booting'), seen({ agent: ownFault, instance: machine }))).toBe('failed');
  });
  test('I4 no boot fails while the registry cannot be read, or has been for a moment only', () => {
    const late = NOW + 900_000;
    expect(stateAfter(accepted('booting'), seen({ agent: 'unknown' }), late)).toBe('booting');
    expect(stateAfter(accepted('booting'), seen({ agent: null, steadyMs: 100 }), late)).toBe('booting');
  });
});

describe('draining', () => {
  const draining = accepted('draining', { drain: drain(), generation: 2 });
  test('I3 only the acknowledgement of this very order, with nothing executing, lets it be ended', () => {
    const after = (change: Partial<RunnerRecord>) => step(draining, seen({ agent: agent(change) })).record;
    for (const change of [
      { state: 'draining' as const, ackedDrain: 2 },
      { state: 'drained' as const, ackedDrain: 1 },
      { state: 'drained' as const, ackedDrain: 2, active: 1 },
      { state: 'ready' as const },
    ]) {
      expect(after(change).state).toBe('draining');
      expect(mayTerminate(after(change), NOW)).toBe(false);
    }
    const ended = after({ state: 'drained', ackedDrain: 2 });
    expect(ended).toMatchObject({ state: 'terminating', grounds: 'drained' });
    expect(mayTerminate(ended, NOW)).toBe(true);
  });
  test('a deadline ends it, and no sooner', () => {
    const bound = { ...draining, drain: drain({ deadlineAt: NOW }) };
    expect(stateAfter(bound, seen({ agent: agent({ state: 'draining', active: 1 }) }), NOW - 1)).toBe('draining');
    expect(step(bound, seen({ agent: agent({ state: 'draining', active: 1 }) })).record.grounds).toBe('deadline');
  });
  test('a runner that drains by itself (SIGTERM, no heartbeat) is followed', () => {
    const after = step(accepted('ready'), seen({ agent: agent({ state: 'draining', reason: 'sigterm' }) })).record;
    expect(after).toMatchObject({ state: 'draining', drain: { cause: 'self', reason: 'sigterm', generation: 1 } });
    expect(after.drain?.deadlineAt).toBe(NOW + 40_000);
  });
  test('an acknowledgement that crosses with a reactivation ends nobody', () => {
    const crossed = seen({ agent: agent({ state: 'drained', ackedDrain: 2, drain: 0 }) });
    expect(stateAfter(accepted('ready'), crossed)).toBe('ready');
  });
});

describe('lost', () => {
  const silent = (change: Partial<Sighting> = {}) => seen({ silentMs: 20_000, ...change });
  test('silence alone ends nobody: the locks or the machine must be gone too', () => {
    const lost = step(accepted('ready'), silent()).record;
    expect(lost.state).toBe('lost');
    expect(stateAfter(lost, silent({ locks: 'held' }))).toBe('lost');
    expect(stateAfter(lost, silent({ locks: 'unknown' }))).toBe('lost');
    expect(step(lost, silent({ locks: 'none' })).record).toMatchObject({ state: 'terminating', grounds: 'lost' });
    expect(stateAfter(lost, seen({ silentMs: 0 }))).toBe('ready');
  });
  test('a draining runner that was lost goes on draining when it answers', () => {
    const lost = accepted('lost', { drain: drain() });
    expect(stateAfter(lost, seen({ silentMs: 0 }))).toBe('draining');
  });
});

describe('gone', () => {
  test('absence counts twice, after the grace, and never against a runner that answers', () => {
    const mute = { agent: null, instance: 'absent' as const };
    expect(stateAfter(accepted('ready'), seen({ ...mute, absences: 1 }))).toBe('ready');
    expect(stateAfter(accepted('ready'), seen({ ...mute, absences: 2 }))).toBe('terminated');
    expect(stateAfter(accepted('ready'), seen({ instance: 'absent', absences: 9 }))).toBe('ready');
    const fresh = accepted('ready');
    const justNow = { ...fresh, launch: { ...fresh.launch, acceptedAt: NOW - 1_000 } };
    expect(stateAfter(justNow, seen({ ...mute, absences: 9 }))).toBe('ready');
  });
  test('another host’s runner is judged by its heartbeat only', () => {
    const elsewhere = {
      agent: null,
      instance: 'absent' as const,
      absences: 9,
      elsewhere: true,
      locks: 'none' as const,
    };
    expect(stateAfter(accepted('ready'), seen(elsewhere))).toBe('ready');
    expect(stateAfter(accepted('lost'), seen({ ...elsewhere, silentMs: 629_999 }))).not.toBe('terminated');
    expect(stateAfter(accepted('lost'), seen({ ...elsewhere, silentMs: 630_000 }))).toBe('terminated');
  });
});

const sightings: fc.Arbitrary<Sighting> = fc.record({
  agent: fc.oneof(
    fc.constant('unknown' as const),
    fc.constant(null),
    fc
      .record({
        state: fc.constantFrom<RunnerRecord['state']>('starting', 'ready', 'draining', 'drained', 'ended'),
        active: fc.nat(2),
        ackedDrain: fc.nat(3),
        drain: fc.nat(3),
      })
      .map(agent),
  ),
  silentMs: fc.constantFrom(0, 9_000, 15_000, 25_000, 700_000),
  instance: fc.oneof(
    fc.constantFrom<Sighting['instance']>('absent', 'unknown'),
    fc
      .constantFrom<Instance['state']>('pending', 'running', 'stopping', 'gone')
      .map((state) => ({ ...machine, state })),
  ),
  absences: fc.nat(3),
  locks: fc.constantFrom<Sighting['locks']>('held', 'none', 'unknown'),
  steadyMs: fc.constantFrom(0, 60_000),
  sleptMs: fc.constantFrom(0, 30_000),
  elsewhere: fc.boolean(),
});
const records: fc.Arbitrary<IntentRecord> = fc
  .record({
    state: fc.constantFrom<RunnerState>('requested', 'booting', 'ready', 'draining', 'terminating', 'failed', 'lost'),
    drain: fc.option(fc.record({ generation: fc.nat(3), deadlineAt: fc.constantFrom(null, NOW - 1, NOW + 60_000) })),
    ageMs: fc.constantFrom(0, 100_000, 400_000),
    outcome: fc.constantFrom<IntentRecord['launch']['outcome']>('pending', 'unknown', 'accepted'),
    protectedUntil: fc.constantFrom(null, null, NOW - 1, NOW + 60_000),
  })
  .map(({ state, drain: order, ageMs, outcome, protectedUntil }) => {
    const record = newIntent({ ...from, runnerId: newRunnerId('work', 'aaaaaa') }, NOW - ageMs);
    const launched = state === 'requested' ? outcome : 'accepted';
    const launch = { ...record.launch, outcome: launched, acceptedAt: launched === 'accepted' ? NOW - ageMs : null };
    const hasBeenReady = state === 'ready' || state === 'draining' || state === 'lost';
    const change = { state, launch, readyAt: hasBeenReady ? NOW - ageMs : null, instanceId: 'i-1' };
    const grounds = state === 'failed' || state === 'terminating' ? ('boot-failed' as const) : null;
    return { ...record, ...change, protectedUntil, grounds, drain: state === 'draining' ? drain(order ?? {}) : null };
  });

test('I3 I4 whatever is seen, no step lets a runner be ended that may execute something', () => {
  fc.assert(
    fc.property(records, sightings, (record, sighting) => {
      const { record: after } = step(record, sighting);
      if (record.grounds !== null || !mayTerminate(after, NOW)) return;
      const known = typeof sighting.agent === 'object' ? sighting.agent : null;
      const proof =
        (after.grounds === 'drained' && known?.active === 0 && known.ackedDrain === after.drain?.generation) ||
        (after.grounds === 'deadline' && (after.drain?.deadlineAt ?? NOW + 1) <= NOW) ||
        (after.grounds === 'ended' && known?.state === 'ended') ||
        (after.grounds === 'lost' &&
          sighting.silentMs >= 20_000 &&
          sighting.locks === 'none' &&
          sighting.agent !== 'unknown') ||
        (after.grounds === 'boot-failed' && record.readyAt === null);
      expect(proof).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

test('I5 a record is dropped only when its machine is certainly gone', () => {
  fc.assert(
    fc.property(records, sightings, (record, sighting) => {
      if (step(record, sighting).record.state !== 'terminated') return;
      const said = typeof sighting.instance === 'object' && sighting.instance.state === 'gone';
      const absent = sighting.instance === 'absent' && sighting.absences >= 2 && record.launch.outcome === 'accepted';
      expect(said || absent || (sighting.elsewhere && sighting.silentMs >= 630_000)).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

/** True nine times in ten: where every door is a coin toss, hardly any input gets through all of them. */
const mostly = fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) });

const plannedRunner = fc.tuple(records, sightings, fc.option(fc.nat(300_000)), fc.nat(2));

const inputs: fc.Arbitrary<PlanInput> = fc
  .record({
    // Few in half of the cases, or hardly ever is one missing.
    runners: fc.oneof(...[3, 12].map((maxLength) => fc.array(plannedRunner, { maxLength }))),
    min: fc.nat(3),
    more: fc.nat(8),
    wanted: fc.constantFrom(0, 1, 2, 3, 5, 8, 12),
    floor: fc.oneof(fc.nat(12), fc.constant(Number.POSITIVE_INFINITY)),
    hold: mostly.map((open) => !open),
    fresh: fc.record({ queue: mostly, registry: mostly, list: mostly }),
    paused: mostly.map((open) => !open),
    allowOut: mostly,
    allowIn: mostly,
    strays: fc.nat(2),
    external: fc.nat(2),
    steadyMs: fc.constantFrom(0, 60_000),
    perTick: fc.integer({ min: 1, max: 10 }),
    tokens: fc.oneof(fc.constantFrom(1, 5, 10), fc.double({ min: 0, max: 10, noNaN: true })),
    breaker: fc.constantFrom(0, 1, 20, Number.POSITIVE_INFINITY),
    capacityReason: mostly.map((free) => (free ? null : 'no capacity')),
    quotaLeft: fc.constantFrom(0, 3, 20, Number.POSITIVE_INFINITY),
  })
  .map((x): PlanInput => {
    const max = x.min + x.more;
    const clamped = Math.min(max, Math.max(x.min, x.wanted));
    const runners = x.runners.map(
      ([record, sighting, idleMs, active]): PlannedRunner => ({
        record,
        seen: sighting,
        idleMs: active > 0 ? null : idleMs,
        active,
      }),
    );
    return {
      now: NOW,
      pool: 'work',
      min: x.min,
      max,
      release: 'r1',
      idleShutdownAfterMs: 120_000,
      target: x.hold ? 'hold' : { wanted: clamped, floor: x.floor, longFloor: x.floor, reason: 'test' },
      runners,
      external: x.external,
      strays: Array.from({ length: x.strays }, (_, i) => ({
        instance: { ...machine, id: `s-${i}`, runnerId: newRunnerId('work', 'aaaaaa') },
        sightings: 2,
        seenMs: 500_000,
        alive: i === 0,
      })),
      fresh: x.fresh,
      steadyMs: x.steadyMs,
      paused: x.paused,
      allowOut: x.allowOut,
      allowIn: x.allowIn,
      launching: {
        perTick: x.perTick,
        tokens: x.tokens,
        breaker: x.breaker,
        breakerReason: null,
        capacityReason: x.capacityReason,
        quotaLeft: x.quotaLeft,
      },
      busy: new Set(),
      kept: new Set(),
      hasUnless: false,
      timing,
      closing: null,
      orders: [],
    };
  });

describe('plan', () => {
  const launches = (input: PlanInput): number =>
    plan(input).actions.reduce((sum, action) => sum + (action.kind === 'launch' ? action.count : 0), 0);
  const physical = (input: PlanInput): number => input.runners.length + input.strays.length;

  test('I1 I9 launches never pass max, quota, the limiter, the breaker, or a tick’s share', () => {
    let launching = 0;
    fc.assert(
      fc.property(inputs, (input) => {
        const count = launches(input);
        if (count === 0) return;
        launching += 1;
        expect(physical(input) + count).toBeLessThanOrEqual(input.max);
        const { perTick, tokens, breaker, quotaLeft, capacityReason } = input.launching;
        expect(count).toBeLessThanOrEqual(Math.min(perTick, tokens, breaker, quotaLeft));
        expect(capacityReason).toBeNull();
      }),
      { numRuns: 5_000 },
    );
    // Bounds that are never come near prove nothing.
    expect(launching).toBeGreaterThan(100);
  });
  test('I4 P22 P23 nothing is launched or let go on what is not known, on hold, or in a paused pool', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const kinds = new Set(plan(input).actions.map(({ kind }) => kind));
        const { queue, registry, list } = input.fresh;
        if (input.target === 'hold' || !queue || !registry || !list || input.paused || !input.allowOut) {
          expect(kinds.has('launch')).toBe(false);
        }
        if (input.target === 'hold' || !queue || !registry || !input.allowIn) expect(kinds.has('drain')).toBe(false);
        if (!list || !registry || input.steadyMs === 0) expect(kinds.has('adopt')).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });
  test('F30 no drain goes below min or below what is wanted', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        if (input.target === 'hold') return;
        const { actions } = plan(input);
        const drained = actions.filter((action) => action.kind === 'drain' && action.cause !== 'drift').length;
        if (drained === 0) return;
        const useful = input.runners.filter(({ record }) => {
          if (record.state === 'booting' || record.state === 'ready') return true;
          return (
            record.state === 'requested' &&
            (record.launch.outcome !== 'unknown' || NOW - record.createdAt < timing.callTimeoutMs)
          );
        }).length;
        expect(useful + input.external - drained).toBeGreaterThanOrEqual(
          Math.min(input.max, Math.max(input.min, input.target.wanted)),
        );
      }),
      { numRuns: 1_000 },
    );
  });
  test('I3 every termination it plans passes the one gate', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        for (const action of plan(input).actions) {
          if (action.kind !== 'terminate') continue;
          const record = input.runners.find((runner) => runner.record.runnerId === action.runnerId)?.record;
          expect(record !== undefined && mayTerminate(record, NOW)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
  test('I3 no plan drains or ends a protected runner, whatever is wanted, unless somebody orders it', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const kept = new Set(
          input.runners.filter(({ record }) => (record.protectedUntil ?? 0) > NOW).map(({ record }) => record.runnerId),
        );
        for (const closing of [null, { cause: 'retired', deadlineMs: 1, force: false } as const]) {
          for (const action of plan({ ...input, closing }).actions) {
            if (action.kind === 'drain' || action.kind === 'terminate') expect(kept.has(action.runnerId)).toBe(false);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
  test('I12 the same input gives the same plan', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        expect(plan(structuredClone(input))).toEqual(plan(input));
      }),
      { numRuns: 500 },
    );
  });
});

test('records survive being written and read, and the times of a clock that was set back are brought back to now', () => {
  fc.assert(
    fc.property(records, fc.integer({ min: -1_000_000, max: 1_000_000 }), (record, shift) => {
      expect(decodeIntent(encodeIntent(record))).toEqual(record);
      const now = record.createdAt + shift;
      const moved = withoutFuture(record, now, timing.retryMaxMs);
      expect(Math.max(moved.createdAt, moved.stateSince, moved.launch.acceptedAt ?? 0)).toBeLessThanOrEqual(
        Math.max(now, shift >= 0 ? record.createdAt : now),
      );
      expect(withoutFuture(moved, now, timing.retryMaxMs)).toBe(moved);
    }),
  );
});
