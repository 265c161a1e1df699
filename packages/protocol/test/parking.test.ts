/** Calls that wait for a runner of their caller's release: where they stand, what they cost, who takes them. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { decideExpiry } from '../src/expiry.ts';
import { expiryError } from '../src/expiry-error.ts';
import { explainWaiting } from '../src/explain.ts';
import { beat } from '../src/heartbeat.ts';
import { inspectCall } from '../src/inspection.ts';
import { settleWaiting } from '../src/store/redis-outcomes.ts';
import type { ParkVerdict } from '../src/verdict.ts';
import { keys, move, okHead, POOL, type PoolFixture, startPool } from './support.ts';

let pool: PoolFixture;
beforeAll(async () => {
  pool = await startPool();
});
afterAll(() => pool.stop());
beforeEach(() => pool.client.flushall());

/** By runner. */
const releases = new Map<string, string>();

const register = (runnerId: string, release: string, state = 'ready') => {
  releases.set(runnerId, release);
  return beat(pool.client, keys, runnerId, 0, {
    pool: POOL,
    state: state as 'ready',
    active: 0,
    slots: 1,
    served: 0,
    release,
    host: '',
    pid: 1,
    ackedDrain: 0,
    reason: '',
  });
};

const pickUp = (runner: string) => pool.pickUp(runner, releases.get(runner));

const take = async (runner: string) => {
  const taken = await pickUp(runner);
  if (taken === undefined) throw new Error(`${runner} found no call`);
  return taken;
};

/** As a runner of release `found` does it. */
const park = async (runner: string, verdict: ParkVerdict): Promise<string> => {
  const { id, attempt } = await take(runner);
  await move(pool, id, attempt, runner, { kind: 'park', delayMs: 600_000, park: verdict });
  return id;
};

const toR2: ParkVerdict = { wanted: 'r2', found: 'r1', why: 'strict' };

test('R-35 a call of another release is met once by a runner that may not take it, and costs no pick-up', async () => {
  await register('old', 'r1');
  await pool.accept({ release: 'r2' });
  const id = await park('old', toR2);
  for (let i = 0; i < 5; i += 1) expect(await pickUp('old')).toBeUndefined();
  const call = await inspectCall(pool.client, keys, id);
  expect(call).toMatchObject({ state: 'waiting', attempts: 0, runnerLosses: 0, executorKills: 0 });
  expect(call.parked).toMatchObject({ wanted: 'r2', found: 'r1', why: 'strict', releases: ['r1'], rolling: false });
  expect(explainWaiting(POOL, call, undefined)).toEqual({
    reason: 'needs-release',
    text: "it needs a runner of release r2; the pool's runners have r1, and the pool takes calls of its own release only",
  });
});

test('R-35 a runner of its release takes it before everything else, oldest first, as its first attempt', async () => {
  await register('old', 'r1');
  const parked: string[] = [];
  for (let i = 0; i < 3; i += 1) {
    await pool.accept({ release: 'r2' });
    parked.push(await park('old', toR2));
  }
  const other = await pool.accept({ release: 'r2' });
  await register('new', 'r2');
  const taken: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    const { id, attempt, pickUp } = await take('new');
    expect(attempt - (pickUp?.attemptsBefore ?? 0)).toBe(1);
    taken.push(id);
  }
  expect(taken).toEqual([...parked, other]);
  expect(await pool.client.exists(`${keys.base}:parked:r2`)).toBe(0);
  expect((await inspectCall(pool.client, keys, parked[0] ?? '')).parked).toBeUndefined();
});

test('R-35 a busy runner of its release takes it with the step that ends its present call', async () => {
  await register('old', 'r1');
  await register('new', 'r2');
  const first = await pool.accept({ release: 'r2' });
  const { attempt } = await take('new');
  await pool.accept({ release: 'r2', priority: 5 });
  const id = await park('old', toR2);
  const outcome = { head: okHead, body: Buffer.from('1') };
  const verdict = { callId: first, attempt, generation: 1, kind: 'settle', outcome, reason: '' } as const;
  const [settled] = await pool.store.settle({ runnerId: 'new', release: 'r2' }, [verdict], [true]);
  expect(settled?.next).toMatchObject({ callId: id, pickUp: { generation: 1 } });
});

test('R-35 its waiting goes on while it is parked: queueTimeout ends it with both releases and its function', async () => {
  await register('old', 'r1');
  await pool.accept({ release: 'r2', queueTimeoutMs: 5_000, name: 'src/a.ts#run/0@abc' });
  const before = await pool.client.hget(
    `${keys.queue}${(await pool.client.lrange(`${keys.queue}wait`, 0, 0))[0]}`,
    'f:since',
  );
  const id = await park('old', { ...toR2, why: 'unknown' });
  expect(await pool.client.hget(`${keys.queue}${id}`, 'f:since')).toBe(before);
  const now = await inspectCall(pool.client, keys, id);
  expect(decideExpiry(now, undefined).kind).toBe('keep');
  const later = { ...now, waitedMs: 5_001 };
  const decision = decideExpiry(later, undefined);
  if (decision.kind !== 'queue-timeout') throw new Error(decision.kind);
  const unknown = expiryError(id, POOL, later, decision);
  expect(unknown.name).toBe('FlameUnknownFunctionError');
  expect(unknown.message).toMatch(/src\/a\.ts#run\/0@abc.* release r1 .* release r2/);
  for (const why of ['strict', 'changed'] as const) {
    const error = expiryError(id, POOL, { ...later, parked: later.parked && { ...later.parked, why } }, decision);
    expect([error.name, error.message]).toEqual(['FlameReleaseError', expect.stringContaining('r1')]);
    expect(error).toMatchObject({ wanted: 'r2', found: 'r1' });
  }
});

test('R-35 without a queueTimeout it ends when no runner of its release is on its way, however busy the others are', async () => {
  await register('old', 'r1');
  await pool.accept({ release: 'r2' });
  const id = await park('old', toR2);
  const call = await inspectCall(pool.client, keys, id);
  if (call.parked === undefined) throw new Error('it is not parked');
  const late = { ...call, lastStartAt: call.now, liveActive: 3, parked: { ...call.parked, forMs: 60_000 } };
  expect(decideExpiry(late, bound(60_000))).toEqual({ kind: 'no-progress', stillMs: 60_000 });
  expect(decideExpiry(late, bound(60_001)).kind).toBe('keep');
  expect(decideExpiry({ ...late, parked: { ...late.parked, rolling: true } }, bound(60_000)).kind).toBe('keep');
  await register('old', 'r1', 'draining');
  expect((await inspectCall(pool.client, keys, id)).parked?.rolling).toBe(true);
});

test('a parked call that is settled or removed leaves no trace for the autoscaler', async () => {
  await register('old', 'r1');
  await pool.accept({ release: 'r2' });
  const cancelled = await park('old', toR2);
  await pool.accept({ release: 'r2' });
  const removed = await park('old', toR2);
  expect(await pool.client.zcard(`${keys.base}:parked:r2`)).toBe(2);
  const head = { ...okHead, ok: false, kind: 'FlameCancelledError', message: 'no' };
  await settleWaiting(pool.client, keys, cancelled, { head, body: Buffer.from('x'), generation: 1 });
  await pool.backend.remove(removed, false);
  expect(await pool.client.exists(`${keys.base}:parked:r2`)).toBe(0);
});

test('C-38: a call whose function one release lacks is offered to every other one, the lacking one excepted', async () => {
  await register('old', 'r1');
  await register('third', 'r3');
  await pool.accept({ release: 'r2' });
  const id = await park('old', { ...toR2, why: 'unknown' });
  expect(await pool.pickUp('old')).toBeUndefined();
  expect((await take('third')).id).toBe(id);
  expect(await pool.client.keys('*parkedfn*')).toEqual([]);
});

test("C-38: each release that lacks it is asked once, and the caller's own takes it in the end", async () => {
  for (const [runner, release] of [
    ['old', 'r1'],
    ['third', 'r3'],
    ['own', 'r2'],
  ] as const)
    await register(runner, release);
  await pool.accept({ release: 'r2' });
  const id = await park('old', { ...toR2, why: 'changed' });
  expect(await park('third', { wanted: 'r2', found: 'r3', why: 'changed' })).toBe(id);
  for (const runner of ['old', 'third', 'old', 'third']) expect(await pool.pickUp(runner)).toBeUndefined();
  const { attempt, pickUp } = await take('own');
  expect(attempt - (pickUp?.attemptsBefore ?? 0)).toBe(1);
});

test('C-38: a strict pool offers it to its own release alone; a busy runner that may have the function keeps it waiting', async () => {
  await register('old', 'r1');
  await register('third', 'r3');
  await pool.accept({ release: 'r2' });
  const strict = await park('old', toR2);
  expect(await pool.pickUp('third')).toBeUndefined();
  expect((await inspectCall(pool.client, keys, strict)).parked).toMatchObject({ rolling: false });
  await pool.accept({ release: 'r2' });
  const loose = await park('old', { ...toR2, why: 'unknown' });
  expect((await inspectCall(pool.client, keys, loose)).parked).toMatchObject({ rolling: true });
});

const bound = (limitMs: number) => ({ limitMs, watchedMs: Number.POSITIVE_INFINITY });
