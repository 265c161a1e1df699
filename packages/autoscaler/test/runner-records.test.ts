/** The record of one runner: its id, its text in Redis, what each sighting makes of it, and in which words. Pure. */
import type { RunnerRecord } from '@flamejs/protocol';
import { FlameConfigError, type Instance, type RedisConfig, type RunnerState } from '@flamejs/queue';
import { describe, expect, test } from 'vitest';
import { advance } from '../src/record/advance.ts';
import { type DrainIntent, decodeIntent, encodeIntent, type IntentRecord, newIntent } from '../src/record/intent.ts';
import { withoutFuture } from '../src/record/rebase.ts';
import { checkPoolNames, isOwn, newRunnerId, ownerOf, poolOfRunnerId } from '../src/record/runner-id.ts';
import { type Sighting, UNSEEN } from '../src/record/sighting.ts';
import { timingOf } from '../src/timing.ts';

const NOW = 10_000_000;
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
const from = {
  runnerId: 'work-aaaaaa-bbbbbbbbbbbb',
  pool: 'work',
  backend: 'b',
  release: 'r1',
  slots: 2,
  env: { A: '1' },
  reason: 'why',
};

describe('ids', () => {
  const single = (options: object, url?: string) => ({ kind: 'single', url, options }) as unknown as RedisConfig;
  const owner = (redis: RedisConfig, app = 'shop', prefix = 'flame') => ownerOf(app, prefix, redis);
  test('name pool and owner, and are told apart from any other text', () => {
    const id = newRunnerId('my-pool-2', 'abc234');
    expect(id).toMatch(/^my-pool-2-abc234-[a-z2-7]{12}$/);
    expect(newRunnerId('my-pool-2', 'abc234')).not.toBe(id);
    expect(poolOfRunnerId(id)).toBe('my-pool-2');
    expect([isOwn(id, 'abc234'), isOwn(id, 'abc235')]).toEqual([true, false]);
    for (const other of ['', 'host-1', `x${id.toUpperCase()}`, ` ${id}`, `${id}a`, `2${id}`, '-abc234-aaaaaaaaaaaa']) {
      expect([other, poolOfRunnerId(other), isOwn(other, 'abc234')]).toEqual([other, undefined, false]);
    }
  });
  test('the owner is the place of the data, whatever the credentials', () => {
    const here = owner(single({}, 'redis://cache:6380/2'));
    expect(here).toMatch(/^[a-z2-7]{6}$/);
    for (const same of [
      single({}, 'redis://ann:secret@cache:6380/2'),
      single({ host: 'cache', port: 6380, db: 2 }),
      single({ host: 'cache', port: 6380, db: 2, password: 'x' }),
    ]) {
      expect(owner(same)).toBe(here);
    }
    const others = [
      owner(single({}, 'redis://cache:6380/2'), 'mall'),
      owner(single({}, 'redis://cache:6380/2'), 'shop', 'other'),
      owner(single({}, 'redis://cache:6380/3')),
      owner(single({}, 'redis://cache:6381/2')),
      owner(single({}, 'redis://cash:6380/2')),
      owner(single({ name: 'main', sentinels: [{ host: 'cache' }], port: 6380, db: 2 })),
      owner(single({ path: '/run/redis.sock' })),
      owner(single({})),
    ];
    expect(new Set([here, ...others]).size).toBe(others.length + 1);
    expect(owner(single({}))).toBe(owner(single({ host: 'localhost', port: 6379, db: 0 })));
    expect(owner(single({}, 'redis://localhost'))).toBe(owner(single({})));
  });
  test('of several sentinels or nodes the order does not count', () => {
    const sentinels = (...hosts: string[]) => single({ name: 'main', sentinels: hosts.map((host) => ({ host })) });
    expect(owner(sentinels('a', 'b'))).toBe(owner(sentinels('b', 'a')));
    expect(owner(sentinels('a', 'b'))).not.toBe(owner(sentinels('a', 'c')));
    const cluster = (...nodes: [string, number][]) =>
      ({ kind: 'cluster', nodes: nodes.map(([host, port]) => ({ host, port })) }) as unknown as RedisConfig;
    expect(owner(cluster(['a', 1], ['b', 2]))).toBe(owner(cluster(['b', 2], ['a', 1])));
    expect(owner(cluster(['a', 1]))).not.toBe(owner(cluster(['a', 2])));
  });
  test('names of pools that are too long for a cloud’s tokens are refused, each by its path', () => {
    expect(checkPoolNames(['a'.repeat(36), 'b'])).toBeUndefined();
    try {
      checkPoolNames(['a'.repeat(37), 'b', 'c'.repeat(40)]);
      throw new Error('nothing was refused');
    } catch (error) {
      expect(error).toBeInstanceOf(FlameConfigError);
      expect((error as FlameConfigError).problems.map(({ path }) => path)).toEqual([
        `pools.${'a'.repeat(37)}`,
        `pools.${'c'.repeat(40)}`,
      ]);
      expect((error as Error).message).toContain("a pool's name has at most 36 characters");
    }
  });
});

describe('its text in Redis', () => {
  const record = newIntent(from, 5);
  test('begins as asked for, with nothing known', () => {
    expect(record).toEqual({
      ...{ runnerId: from.runnerId, pool: 'work', backend: 'b', release: 'r1', slots: 2 },
      ...{ state: 'requested', stateSince: 5, reason: 'why', createdAt: 5, readyAt: null },
      ...{ instanceId: null, location: null, details: {}, generation: 0 },
      launch: { attempt: 1, outcome: 'pending', acceptedAt: null, tries: 0, nextAt: 5, env: { A: '1' } },
      ...{ drain: null, grounds: null, terminate: null, protectedUntil: null },
    });
    expect(decodeIntent(encodeIntent(record))).toEqual(record);
  });
  test('is none when it is damaged, and then stops nobody', () => {
    const drain = { cause: 'idle', reason: '', generation: 1, since: 2, deadlineAt: null, acknowledged: false };
    const terminate = { tries: 1, nextAt: 2, acceptedAt: null, error: null };
    const whole = { ...record, drain, terminate };
    expect(decodeIntent(JSON.stringify(whole))).toEqual(whole);
    for (const change of [
      ...['runnerId', 'pool'].flatMap((name) => [{ [name]: '' }, { [name]: 5 }]),
      ...['slots', 'stateSince', 'createdAt', 'generation'].map((name) => ({ [name]: '5' })),
      ...[{ state: 'dancing' }, { details: null }, { launch: 5 }],
      ...['attempt', 'tries', 'nextAt', 'env'].map((name) => ({ launch: { ...record.launch, [name]: 'x' } })),
      ...['generation', 'since'].map((name) => ({ drain: { ...drain, [name]: 'x' } })),
      ...['tries', 'nextAt'].map((name) => ({ terminate: { ...terminate, [name]: 'x' } })),
      ...[{ drain: 5 }, { terminate: 5 }],
    ]) {
      expect([change, decodeIntent(JSON.stringify({ ...whole, ...change }))]).toEqual([change, undefined]);
    }
    for (const text of ['', '{', '[]', 'null']) expect(decodeIntent(text)).toBeUndefined();
    // A record of before a field was there has what a new one has.
    const { protectedUntil: _, ...older } = whole;
    expect(decodeIntent(JSON.stringify(older))).toEqual(whole);
    for (const state of ['booting', 'ready', 'draining', 'terminating', 'failed', 'lost', 'terminated']) {
      expect(decodeIntent(JSON.stringify({ ...whole, state }))?.state).toBe(state);
    }
  });
});

const drain = (change: Partial<DrainIntent> = {}): DrainIntent => ({
  ...{ cause: 'idle', reason: 'idle for long', generation: 2, since: NOW - 1_000 },
  ...{ deadlineAt: null, acknowledged: false, ...change },
});

test('times that lie ahead are brought back to now; what was to come keeps its distance', () => {
  const launch = { ...newIntent(from, 0).launch, outcome: 'unknown' as const };
  const base: IntentRecord = { ...newIntent(from, 100), launch: { ...launch, nextAt: 100 } };
  const at = (record: IntentRecord) => withoutFuture(record, 1_000, 50);
  expect(at(base)).toBe(base);
  const soon = { ...base, launch: { ...launch, nextAt: 1_050 } };
  expect(at(soon)).toBe(soon);
  expect(at({ ...base, launch: { ...launch, nextAt: 1_051 } }).launch.nextAt).toBe(1_050);
  // Once it is accepted, when it was to be asked again means nothing.
  const accepted = { ...base, launch: { ...launch, outcome: 'accepted' as const, acceptedAt: 900, nextAt: 9_000 } };
  expect(at(accepted)).toBe(accepted);
  const terminate = { tries: 1, nextAt: 9_000, acceptedAt: null, error: null };
  expect(at({ ...base, terminate }).terminate).toEqual({ ...terminate, nextAt: 1_050 });
  const ahead = {
    ...base,
    createdAt: 2_000,
    stateSince: 2_000,
    readyAt: 2_000,
    launch: { ...launch, acceptedAt: 2_000, nextAt: 100 },
  };
  expect(at(ahead)).toEqual({
    ...base,
    createdAt: 1_000,
    stateSince: 1_000,
    readyAt: 1_000,
    launch: { ...launch, acceptedAt: 1_000, nextAt: 100 },
  });
  for (const change of [{ createdAt: 1_001 }, { stateSince: 1_001 }]) {
    expect(at({ ...base, ...change })).toMatchObject({
      readyAt: null,
      terminate: null,
      drain: null,
      launch: { acceptedAt: null },
    });
    expect(Math.max(at({ ...base, ...change }).createdAt, at({ ...base, ...change }).stateSince)).toBe(1_000);
  }
  const late = { ...base, stateSince: 2_000 };
  expect(at({ ...base, drain: drain({ since: 3_000, deadlineAt: 3_500 }) }).drain).toMatchObject({
    since: 1_000,
    deadlineAt: 1_500,
  });
  expect(at({ ...base, drain: drain({ since: 3_000 }) }).drain).toMatchObject({ since: 1_000, deadlineAt: null });
  expect(at({ ...late, drain: drain({ since: 1_000, deadlineAt: 3_500 }) }).drain).toMatchObject({
    since: 1_000,
    deadlineAt: 3_500,
  });
});

const agent = (change: Partial<RunnerRecord> = {}): RunnerRecord => ({
  ...{ runnerId: from.runnerId, pool: 'work', state: 'ready', fault: '', active: 0, slots: 2, idleSince: 0 },
  ...{
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
  },
  ...{ reason: '', drain: 0, drainReason: '', parked: false, ...change },
});
const machine: Instance = { id: 'i-1', runnerId: from.runnerId, pool: 'work', state: 'running', launchedAt: 0 };
const gone: Instance = { ...machine, state: 'gone' };
const accepted = (state: RunnerState, change: Partial<IntentRecord> = {}): IntentRecord => {
  const record = newIntent(from, NOW - 200_000);
  const launch = { ...record.launch, outcome: 'accepted' as const, acceptedAt: NOW - 200_000 };
  const readyAt = state === 'booting' ? null : NOW - 100_000;
  return { ...record, state, launch, readyAt, instanceId: 'i-1', ...change };
};
const seen = (change: Partial<Sighting> = {}): Sighting => ({
  ...UNSEEN,
  agent: agent(),
  instance: machine,
  steadyMs: 60_000,
  ...change,
});
const step = (record: IntentRecord, change: Partial<Sighting> = {}) => advance(record, seen(change), NOW, timing);

describe('what happens is told in words, with what can be counted', () => {
  test.each<[string, IntentRecord, Partial<Sighting>, RunnerState, object]>([
    [
      'a launch',
      newIntent(from, NOW - 5),
      { agent: null },
      'booting',
      { type: 'runner.launched', reason: 'the provider has it' },
    ],
    [
      'a launch that has ended',
      newIntent(from, NOW - 5),
      { agent: null, instance: gone },
      'terminated',
      { type: 'runner.failed', reason: 'its machine is gone', details: { afterMs: 5 } },
    ],
    [
      'a boot',
      accepted('booting'),
      {},
      'ready',
      { type: 'runner.ready', reason: 'ready after 3m 20s', details: { bootMs: 200_000 } },
    ],
    [
      'a boot that ended itself',
      accepted('booting'),
      { agent: agent({ state: 'ended' }) },
      'failed',
      { type: 'runner.failed', reason: 'the runner ended while it booted', details: { afterMs: 200_000 } },
    ],
    [
      'a boot that can never be',
      accepted('booting'),
      { agent: agent({ state: 'ended', reason: 'no module', fault: 'modules' }) },
      'failed',
      { type: 'runner.failed', reason: 'no module', details: { afterMs: 200_000, definite: true } },
    ],
    [
      'a boot that took too long',
      accepted('booting', { createdAt: NOW - 300_000 }),
      { agent: null },
      'failed',
      {
        type: 'runner.failed',
        reason: 'it did not become ready within 300000 ms (bootTimeout)',
        details: { afterMs: 300_000 },
      },
    ],
    [
      'silence',
      accepted('ready'),
      { silentMs: 20_000 },
      'lost',
      { type: 'runner.lost', reason: 'no heartbeat for 20000 ms' },
    ],
    [
      'silence while it drains',
      accepted('draining', { drain: drain() }),
      { silentMs: 20_000 },
      'lost',
      { type: 'runner.lost', reason: 'no heartbeat for 20000 ms while draining' },
    ],
    [
      'an end of its own',
      accepted('ready'),
      { agent: agent({ state: 'ended' }) },
      'terminating',
      { type: 'runner.ended', reason: 'the runner ended', details: { grounds: 'ended' } },
    ],
    [
      'an end of its own, with its reason',
      accepted('lost'),
      { agent: agent({ state: 'ended', reason: 'single-use' }) },
      'terminating',
      { type: 'runner.ended', reason: 'single-use', details: { grounds: 'ended' } },
    ],
    [
      'a drain of its own',
      accepted('ready', { generation: 4 }),
      { agent: agent({ state: 'draining' }) },
      'draining',
      { type: 'runner.draining', reason: 'the runner drains by itself', details: { cause: 'self' } },
    ],
    [
      'a drain that is acknowledged',
      accepted('draining', { drain: drain() }),
      { agent: agent({ state: 'drained', ackedDrain: 2 }) },
      'terminating',
      { type: 'runner.drained', reason: 'idle for long', details: { grounds: 'drained' } },
    ],
    [
      'a drain that took too long',
      accepted('draining', { drain: drain({ deadlineAt: NOW }) }),
      { agent: agent({ active: 1 }) },
      'terminating',
      { type: 'runner.ended', reason: 'idle for long: not drained in time', details: { grounds: 'deadline' } },
    ],
    [
      'a drain of one that never came up',
      accepted('draining', { drain: drain(), readyAt: null, createdAt: NOW - 300_000 }),
      { agent: null },
      'terminating',
      {
        type: 'runner.ended',
        reason: 'told to drain while it booted, and never heard of',
        details: { grounds: 'boot-failed' },
      },
    ],
    [
      'one that is lost for good',
      accepted('lost'),
      { silentMs: 25_000, locks: 'none' },
      'terminating',
      { type: 'runner.ended', reason: 'silent for 25000 ms and no lock left', details: { grounds: 'lost' } },
    ],
    ['one that comes back', accepted('lost'), {}, 'ready', { type: 'runner.ready', reason: 'it answers again' }],
    [
      'a machine that vanishes',
      accepted('ready'),
      { agent: null, instance: { ...gone, end: { reason: 'killed', exitCode: 137, lastLines: 'x' } } },
      'terminated',
      { type: 'runner.lost', details: { exitCode: 137 } },
    ],
    [
      'a machine that vanishes while it drains',
      accepted('draining', { drain: drain() }),
      { agent: null, instance: gone },
      'terminated',
      { type: 'runner.terminated', reason: 'its machine is gone', details: {} },
    ],
    [
      'the end that was asked for',
      accepted('terminating', { grounds: 'ended', reason: 'it said so' }),
      { agent: null, instance: gone },
      'terminated',
      { type: 'runner.terminated', reason: 'it said so' },
    ],
  ])('%s', (_, record, sighting, state, happening) => {
    const after = step(record, sighting);
    expect(after.record.state).toBe(state);
    expect(after.record.stateSince).toBe(NOW);
    expect(after.happened).toHaveLength(1);
    expect(after.happened[0]).toMatchObject(happening);
    expect(after.record.reason).toBe(after.happened[0]?.reason);
  });
  test('an acknowledged drain whose machine is gone is two things', () => {
    const { record, happened } = step(accepted('draining', { drain: drain() }), {
      agent: agent({ state: 'drained', ackedDrain: 2 }),
      instance: gone,
    });
    expect(record).toMatchObject({ state: 'terminated', drain: { acknowledged: true }, grounds: 'drained' });
    expect(happened.map(({ type }) => type)).toEqual(['runner.drained', 'runner.terminated']);
  });
});

describe('edges', () => {
  const stateAfter = (record: IntentRecord, change: Partial<Sighting>) => step(record, change).record.state;
  test('silence counts from its limit on, when it was watched for long enough and could be read', () => {
    expect(stateAfter(accepted('ready'), { silentMs: timing.lostMs - 1 })).toBe('ready');
    expect(stateAfter(accepted('ready'), { silentMs: timing.lostMs, steadyMs: timing.steadyMs })).toBe('lost');
    expect(stateAfter(accepted('ready'), { silentMs: timing.lostMs, steadyMs: timing.steadyMs - 1 })).toBe('ready');
    expect(stateAfter(accepted('ready'), { silentMs: timing.lostMs, agent: 'unknown' })).toBe('ready');
    expect(stateAfter(accepted('lost'), { silentMs: timing.suspectMs - 1 })).toBe('ready');
    expect(stateAfter(accepted('lost'), { silentMs: timing.suspectMs })).toBe('lost');
    expect(stateAfter(accepted('booting'), { silentMs: timing.suspectMs })).toBe('booting');
  });
  test('a machine that the list lacks is gone after its grace', () => {
    const record = (acceptedAt: number) => {
      const one = accepted('ready');
      return { ...one, launch: { ...one.launch, acceptedAt } };
    };
    const lacks = { agent: null, instance: 'absent' as const, absences: 2 };
    expect(stateAfter(record(NOW - timing.graceMs), lacks)).toBe('terminated');
    expect(stateAfter(record(NOW - timing.graceMs + 1), lacks)).toBe('ready');
    expect(stateAfter(record(NOW - timing.graceMs), { ...lacks, steadyMs: timing.steadyMs - 1 })).toBe('ready');
    expect(stateAfter(record(NOW - timing.graceMs), { ...lacks, instance: 'unknown' })).toBe('ready');
    // A runner that has ended, or is silent, does not answer.
    expect(stateAfter(record(0), { ...lacks, agent: agent({ state: 'ended' }) })).toBe('terminated');
    expect(stateAfter(record(0), { ...lacks, agent: agent(), silentMs: timing.suspectMs })).toBe('terminated');
    expect(stateAfter(record(0), { ...lacks, agent: agent(), silentMs: timing.suspectMs - 1 })).toBe('ready');
  });
  test('what comes back although it was given up goes on, or drains, unless its end is under way', () => {
    const given = (grounds: IntentRecord['grounds'], change: Partial<IntentRecord> = {}) =>
      accepted('terminating', { grounds, reason: 'given up', ...change });
    expect(step(given('lost')).record).toMatchObject({ state: 'ready', grounds: null, terminate: null });
    expect(step(given('lost', { drain: drain() })).record.state).toBe('draining');
    for (const grounds of ['boot-failed', 'orphan'] as const) {
      expect(step(given(grounds, { readyAt: null, generation: 6 })).record).toMatchObject({
        ...{ state: 'draining', grounds: null, readyAt: NOW, generation: 7 },
        drain: { cause: 'late', reason: 'it came too late: given up', generation: 7, deadlineAt: null, since: NOW },
      });
    }
    expect(step(given('ended')).happened).toEqual([]);
    expect(step(given('forced')).happened).toEqual([]);
    const terminate = (acceptedAt: number | null) => ({ tries: 1, nextAt: 0, acceptedAt, error: null });
    expect(step(given('lost', { terminate: terminate(NOW) })).happened).toEqual([]);
    expect(step(given('lost', { terminate: terminate(null) })).record).toMatchObject({
      state: 'ready',
      terminate: null,
    });
    for (const state of ['ended', 'drained', 'starting'] as const) {
      expect(step(given('lost'), { agent: agent({ state }) }).happened).toEqual([]);
    }
    expect(step(given('lost'), { silentMs: timing.suspectMs }).happened).toEqual([]);
    expect(step(accepted('failed', { grounds: 'boot-failed', readyAt: null })).record.state).toBe('draining');
  });
  test('one that was told to drain while it booted holds calls from the moment it answers', () => {
    const booting = accepted('draining', { drain: drain(), readyAt: null });
    expect(step(booting, { agent: agent({ state: 'starting' }) }).record.readyAt).toBeNull();
    expect(step(booting, { agent: agent({ state: 'drained', ackedDrain: 2 }) }).record.readyAt).toBe(NOW);
    expect(step(accepted('terminated')).happened).toEqual([]);
  });
  test('the provider’s id and place are learned whenever they are seen', () => {
    const told = { ...machine, id: 'i-2', location: 'eu', details: { type: 'big' } };
    const record = accepted('ready', { location: 'us', details: { old: 'x' } });
    expect(step(record, { instance: told }).record).toMatchObject({
      instanceId: 'i-2',
      location: 'eu',
      details: { type: 'big' },
    });
    expect(step(record, { instance: { ...machine, id: 'i-2' } }).record).toMatchObject({
      location: 'us',
      details: { old: 'x' },
    });
    expect(step(record, { instance: { ...told, id: 'i-1' } }).record).toMatchObject({
      instanceId: 'i-1',
      location: 'us',
    });
    expect(step(record, { instance: 'absent' }).record.instanceId).toBe('i-1');
  });
  test('another host’s process is gone when it was given up, is silent for its time, and holds no lock', () => {
    const there = { agent: null, instance: 'unknown' as const, elsewhere: true, locks: 'none' as const };
    const silent = { ...there, silentMs: timing.elsewhereGoneMs };
    for (const state of ['terminating', 'failed', 'lost'] as const) {
      expect(stateAfter(accepted(state, { grounds: 'forced' }), silent)).toBe('terminated');
    }
    expect(
      stateAfter(accepted('terminating', { grounds: 'forced' }), { ...silent, silentMs: silent.silentMs - 1 }),
    ).toBe('terminating');
    expect(stateAfter(accepted('terminating', { grounds: 'forced' }), { ...silent, locks: 'held' })).toBe(
      'terminating',
    );
    expect(stateAfter(accepted('draining', { drain: drain() }), silent)).toBe('lost');
  });
});
