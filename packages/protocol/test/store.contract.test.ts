/** What every store of calls does, over Redis and in memory alike: so that what is proven of one side's use of it holds for the other. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { describeLimits } from '../src/limits.ts';
import { noVault } from '../src/payload/vault.ts';
import type { AcceptedCall, CallStore, TakenCall, Verdict } from '../src/store/call-store.ts';
import { newOffer } from '../src/store/hand-over.ts';
import { createUpkeep } from '../src/upkeep.ts';
import { LARGE_BODY_BYTES } from '../src/verdict.ts';
import { heardBy, memoryStages, redisStages, type Stage } from './stores.ts';
import { okHead, plain, plainCall } from './support.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const failHead = { ...okHead, ok: false, kind: 'Error', message: 'no' };

describe.each([
  ['Redis', redisStages],
  ['memory', memoryStages],
])('a store in %s', (_where, open) => {
  let all: Awaited<ReturnType<typeof open>>;
  let stage: Stage;
  let store: CallStore;
  beforeAll(async () => {
    all = await open();
  });
  afterAll(() => all.stop());
  beforeEach(async () => {
    stage = await all.stage();
    store = stage.store;
  });
  afterEach(() => stage.stop());

  const accept = async (changes: Partial<AcceptedCall> = {}): Promise<string> => {
    const call = { ...plainCall(), ...changes };
    expect(await store.accept([call])).toEqual(['accepted']);
    return call.id;
  };
  const take = async (runnerId = 'r1', release = 'r1'): Promise<TakenCall | undefined> =>
    (await store.take({ runnerId, release }, plain(1))).calls[0];
  const mustTake = async (runnerId = 'r1', release = 'r1'): Promise<TakenCall & { pickUp: object }> => {
    const taken = await take(runnerId, release);
    if (taken?.pickUp === undefined) throw new Error('nothing to take');
    return { ...taken, pickUp: taken.pickUp };
  };
  const settle = async (verdict: Verdict, runnerId = 'r1') =>
    (await store.settle({ runnerId, release: 'r1' }, [verdict], [false]))[0]?.status;
  const verdictOf = ({ callId, attempt, pickUp }: TakenCall, more: Partial<Verdict> = {}): Verdict => ({
    callId,
    attempt,
    generation: pickUp?.generation ?? '',
    kind: 'again',
    reason: 'test',
    ...more,
  });
  const ended = (taken: TakenCall, body = bytes('42'), head = okHead): Verdict =>
    verdictOf(taken, { kind: 'settle', reason: '', outcome: { head: { ...head, size: body.length }, body } });
  const cancel = (id: string, cancelReason?: string, generation = 0) =>
    store.end(id, { generation, head: failHead, body: bytes('cancelled'), ...(cancelReason && { cancelReason }) });
  const state = async (id: string) => (await store.inspect(id)).state;
  const bodyOf = async (id: string): Promise<string | undefined> => {
    const found = await store.lookUp(id, '');
    return found.state === 'settled' ? String(found.outcome.body) : undefined;
  };

  test('an accepted call waits, is taken in its turn with all that its runner must know, and settles', async () => {
    const first = await accept({ deadlineInMs: 60_000, queueTimeoutMs: 30_000, failOnLoss: true });
    const second = await accept();
    expect(await store.inspect(second)).toMatchObject({ state: 'waiting', ahead: 1, attempts: 0, generation: 1 });
    const taken = await mustTake();
    expect(taken).toMatchObject({ callId: first, attempt: 1, attemptsMade: 0, data: '{"v":1}' });
    expect(taken.pickUp).toMatchObject({
      generation: 1,
      ats: 1,
      attemptsBefore: 0,
      handedBack: 0,
      runnerLosses: 0,
      executorKills: 0,
      lateFaults: 0,
      settled: false,
      cancelReason: undefined,
      failOnLoss: true,
      queueTimeoutMs: 30_000,
      oversizeBytes: 0,
      streamFrom: 0,
    });
    const { at, deadlineAt, waitedMs } = taken.pickUp as { at: number; deadlineAt: number; waitedMs: number };
    expect(deadlineAt).toBeGreaterThan(at);
    expect(deadlineAt).toBeLessThanOrEqual(at + 60_000);
    expect(waitedMs).toBeGreaterThanOrEqual(0);
    expect(await store.inspect(first)).toMatchObject({ state: 'active', runnerId: 'r1', attempts: 1, liveActive: 1 });
    expect(await settle(ended(taken))).toBe('done');
    expect(await state(first)).toBe('settled');
    expect(await bodyOf(first)).toBe('42');
    expect(String(await store.body(first))).toBe('42');
    expect((await mustTake()).callId).toBe(second);
    expect(await take()).toBeUndefined();
  });

  test('a call that is sent twice is there once, whatever state it is in', async () => {
    const call = { ...plainCall(), waiter: 'one' };
    await store.accept([call]);
    expect(await store.accept([{ ...call, waiter: 'two' }])).toEqual(['accepted']);
    const taken = await mustTake();
    expect(await store.accept([call])).toEqual(['accepted']);
    await settle(ended(taken));
    expect(await store.accept([call])).toEqual(['accepted']);
    expect(await take()).toBeUndefined();
    for (const waiter of ['one', 'two']) expect(await stage.told(waiter)).toEqual([`${call.id} 1 ok`]);
  });

  test('the same id with another fingerprint is refused, before and after its end', async () => {
    const call = { ...plainCall(), fingerprint: 'a' };
    await store.accept([call]);
    const other = { ...call, fingerprint: 'b' };
    expect(await store.accept([other, plainCall()])).toEqual(['id-conflict', 'accepted']);
    await settle(ended(await mustTake()));
    expect(await store.accept([other])).toEqual(['id-conflict']);
    await store.remove(call.id);
    expect(await store.accept([other])).toEqual(['id-conflict']);
    expect(await store.accept([call])).toEqual(['accepted']);
  });

  test('a full pool refuses further calls, delayed ones included', async () => {
    await accept({ maxPending: 2 });
    await accept({ maxPending: 2, delayMs: 60_000 });
    expect(await store.accept([{ ...plainCall(), maxPending: 2 }])).toEqual(['queue-full']);
    await mustTake();
    await accept({ maxPending: 2 });
  });

  test('calls with a priority come after those without, the lowest number first, and in their order', async () => {
    const ids = [await accept({ priority: 2 }), await accept({ priority: 1 }), await accept({ priority: 1 })];
    const plainOne = await accept();
    expect((await store.inspect(ids[0] ?? '')).ahead).toBe(3);
    const order = [await mustTake(), await mustTake(), await mustTake(), await mustTake()].map((each) => each.callId);
    expect(order).toEqual([plainOne, ids[1], ids[2], ids[0]]);
  });

  test('a delayed call waits for its time, and is promoted by whoever takes, or by upkeep', async () => {
    const far = await accept({ delayMs: 60_000 });
    expect(await state(far)).toBe('delayed');
    const early = await store.take({ runnerId: 'r1', release: 'r1' }, plain(1));
    expect(early.calls).toEqual([]);
    expect(early.dueInMs).toBeGreaterThan(0);
    expect(early.dueInMs).toBeLessThanOrEqual(60_000);
    const id = await accept({ delayMs: 60 });
    await waitFor(async () => (await state(id)) === 'waiting', { what: 'the delay to be over' });
    expect(await store.promote()).toBe(1);
    expect(await store.promote()).toBe(0);
    expect((await mustTake()).callId).toBe(id);
    expect(await state(far)).toBe('delayed');
    const next = await accept({ delayMs: 30 });
    const taken = await waitFor(() => take(), { what: 'the next one' });
    expect(taken.callId).toBe(next);
  });

  test('the fence: what an earlier attempt has come to counts for nothing, and is told to nobody', async () => {
    const id = await accept({ waiter: 'me' });
    const first = await mustTake('r1');
    expect(await store.release('r1')).toEqual([{ callId: id, failOnLoss: false }]);
    const second = await mustTake('r2');
    expect(second.pickUp).toMatchObject({ ats: 2, runnerLosses: 1 });
    expect(await settle(ended(first, bytes('late')))).toBe('superseded');
    expect(await settle(verdictOf(first))).toBe('superseded');
    expect(await bodyOf(id)).toBeUndefined();
    expect(await settle(ended(second, bytes('right')), 'r2')).toBe('done');
    expect(await settle(ended(first, bytes('later')))).toBe('superseded');
    expect(await settle(ended(second, bytes('twice')), 'r2')).toBe('superseded');
    expect(await bodyOf(id)).toBe('right');
    expect(await stage.told('me')).toEqual([`${id} 1 ok`]);
    expect((await store.inspect(id)).history).toMatchObject([{ runnerId: 'r1', ended: 'its runner was lost' }]);
  });

  test('an attempt that is still the newest settles although it was taken back', async () => {
    const id = await accept();
    const taken = await mustTake();
    await store.release('r1');
    expect(await state(id)).toBe('waiting');
    expect(await settle(ended(taken))).toBe('done');
    expect(await take()).toBeUndefined();
    expect(await state(id)).toBe('settled');
  });

  test('handed back before anything began, it is at the head again, and nothing is counted', async () => {
    const id = await accept();
    await accept();
    expect(await settle(verdictOf(await mustTake(), { unbegun: true }))).toBe('done');
    expect(await store.inspect(id)).toMatchObject({ state: 'waiting', attempts: 0, ahead: 0, runnerId: undefined });
    const again = await mustTake('r2');
    expect(again.callId).toBe(id);
    expect(again.pickUp).toMatchObject({ handedBack: 1, runnerLosses: 0 });
  });

  test.each([
    ['f:kill', 'executorKills'],
    ['f:late', 'lateFaults'],
  ] as const)('what goes back is charged to its budget once, also when it is sent twice (%s)', async (count, field) => {
    await accept();
    const verdict = verdictOf(await mustTake(), { count, ended: 'killed' });
    expect(await settle(verdict)).toBe('done');
    expect(await settle(verdict)).toBe('superseded');
    const again = await mustTake();
    expect(again.pickUp).toMatchObject({ [field]: 1 });
    expect(again.attemptsMade).toBe(0);
    expect((await store.inspect(again.callId)).history).toMatchObject([{ runnerId: 'r1', ended: 'killed' }]);
  });

  test('another attempt at the cost of `retries` stands behind all that wait, or waits for its time', async () => {
    const id = await accept();
    const other = await accept();
    expect(await settle(verdictOf(await mustTake(), { kind: 'retry', ended: 'Error: no' }))).toBe('done');
    expect((await mustTake()).callId).toBe(other);
    const again = await mustTake();
    expect(again).toMatchObject({ callId: id, attemptsMade: 1, attempt: 2 });
    await settle(verdictOf(again, { kind: 'retry', delayMs: 40 }));
    const last = await waitFor(() => take(), { what: 'the backoff to be over' });
    expect(last).toMatchObject({ callId: id, attemptsMade: 2 });
    expect(last.pickUp?.waitedMs).toBeLessThan(30_000);
  });

  test('a parked call goes to a runner of its release, at nobody’s cost, before all that wait', async () => {
    const id = await accept({ name: 'parked', release: 'new' });
    await accept();
    const park = { wanted: 'new', found: 'old', why: 'unknown' } as const;
    await settle(verdictOf(await mustTake('r1', 'old'), { kind: 'park', park, delayMs: 60_000, reason: '' }));
    expect(await store.inspect(id)).toMatchObject({ state: 'waiting', attempts: 0, parked: park });
    expect((await mustTake('r1', 'old')).callId).not.toBe(id);
    expect(await take('r1', 'old')).toBeUndefined();
    const taken = await mustTake('r2', 'new');
    expect(taken.callId).toBe(id);
    expect(taken.pickUp).toMatchObject({ runnerLosses: 0, ats: 2, attemptsBefore: 1 });
    expect((await store.inspect(id)).parked).toBeUndefined();
  });

  test('a parked call is offered to a release that may have its function, unless it is strict', async () => {
    const strict = await accept({ name: 'one', release: 'new' });
    const loose = await accept({ name: 'two', release: 'new' });
    for (const why of ['strict', 'unknown'] as const) {
      const park = { wanted: 'new', found: 'old', why };
      await settle(verdictOf(await mustTake('r1', 'old'), { kind: 'park', park, delayMs: 60_000 }));
    }
    expect((await take('r2', 'other'))?.callId).toBe(loose);
    expect(await take('r2', 'other')).toBeUndefined();
    expect((await take('r3', 'new'))?.callId).toBe(strict);
  });

  test('renewing keeps what is held, takes back what nobody has begun, and names what is lost or to be stopped', async () => {
    const [kept, silent, lost] = [await accept(), await accept(), await accept()];
    const held = [await mustTake(), await mustTake(), await mustTake()];
    const leases = held.map(({ callId, attempt }) => ({ callId, attempt, generation: 1 }));
    expect(await store.renew('r1', leases)).toEqual({ lost: [], cancelled: [] });
    await stage.loseLock(silent);
    expect(await stage.reclaim()).toEqual([silent]);
    expect(await cancel(kept, 'not wanted')).toBe('active');
    await stage.loseLock(lost);
    expect(await stage.reclaim()).toEqual([lost]);
    // Another runner has it by the time that the first one is back.
    const back = [await mustTake('r2'), await mustTake('r2')];
    expect(back.map(({ callId }) => callId).sort()).toEqual([silent, lost].sort());
    await settle(verdictOf(back.find(({ callId }) => callId === silent) as TakenCall), 'r2');
    const renewal = await store.renew('r1', leases);
    expect(renewal.cancelled).toEqual([{ callId: kept, reason: 'not wanted' }]);
    expect([...renewal.lost].sort()).toEqual([silent, lost].sort());
    expect(await state(kept)).toBe('active');
  });

  test('a lock that ran out shows, is taken again by its runner, and the call is nobody else’s then', async () => {
    const id = await accept();
    const { attempt } = await mustTake();
    await stage.loseLock(id);
    expect(await state(id)).toBe('orphaned');
    expect(await stage.reclaim()).toEqual([id]);
    expect(await state(id)).toBe('waiting');
    expect(await store.renew('r1', [{ callId: id, attempt, generation: 1 }])).toEqual({ lost: [], cancelled: [] });
    expect(await state(id)).toBe('active');
    expect(await take('r2')).toBeUndefined();
    expect(await stage.reclaim()).toEqual([]);
  });

  test('ending: a waiting call never runs, one that runs is asked to stop, one that has ended stays as it is', async () => {
    const waiting = await accept({ waiter: 'me' });
    const delayed = await accept({ delayMs: 60_000, waiter: 'me' });
    expect(await cancel(waiting)).toBe('settled');
    expect(await cancel(delayed)).toBe('settled');
    expect(await take()).toBeUndefined();
    expect(await bodyOf(waiting)).toBe('cancelled');
    expect(await cancel(waiting)).toBe('finished');
    expect(await stage.told('me')).toEqual([`${waiting} 1 failed`, `${delayed} 1 failed`]);

    const running = await accept();
    const taken = await mustTake();
    expect(await cancel(running)).toBe('active');
    expect((await store.inspect(running)).cancelReason).toBeUndefined();
    expect(await cancel(running, 'not wanted')).toBe('active');
    expect((await store.inspect(running)).cancelReason).toBe('not wanted');
    expect(await store.cancelReason(running)).toBe('not wanted');
    expect(await store.cancelReason(waiting)).toBeUndefined();
    await settle(verdictOf(taken, { unbegun: true }));
    expect((await mustTake()).pickUp).toMatchObject({ cancelReason: 'not wanted' });
    expect(await cancel('images.aaaaaaaaaaaaaaaaaaaaaaaaaa', 'x')).toBe('missing');
    expect(await cancel(await accept(), 'x', 2)).toBe('finished');
  });

  test('a retry by hand begins a failed call anew: another generation, fresh budgets and clocks', async () => {
    const id = await accept({ waiter: 'me', largeArgs: bytes('arguments'), deadlineInMs: 60_000 });
    expect(await store.retry(id)).toBe('not-failed');
    await settle(verdictOf(await mustTake(), { kind: 'retry', ended: 'no', count: 'f:kill' }));
    await settle(ended(await mustTake(), bytes('first'), failHead));
    expect(await store.retry(id)).toBe('retried');
    expect(await store.lookUp(id, 'other')).toEqual({ state: 'pending', generation: 2, bounded: false });
    const again = await mustTake();
    expect(again).toMatchObject({ callId: id, attemptsMade: expect.any(Number) });
    expect(again.pickUp).toMatchObject({
      generation: 2,
      attemptsBefore: 2,
      executorKills: 0,
      runnerLosses: 0,
      deadlineAt: 0,
      settled: false,
    });
    expect(String(await store.largeArgs(id, 100))).toBe('arguments');
    expect(await settle(ended({ ...again, pickUp: { ...again.pickUp, generation: 1 } as never }))).toBe('superseded');
    await settle(ended(again, bytes('second')));
    expect(await bodyOf(id)).toBe('second');
    expect(await store.retry(id)).toBe('not-failed');
    expect(await store.retry('images.aaaaaaaaaaaaaaaaaaaaaaaaaa')).toBe('unknown');
    expect(await stage.told('me')).toEqual([`${id} 1 failed`]);
    expect(await stage.told('other')).toEqual([`${id} 2 ok`]);
  });

  test('a retry that was begun settles, and one that is taken back is not run by an attempt of before', async () => {
    const id = await accept();
    const first = await mustTake();
    await settle(ended(first, bytes('failed'), failHead));
    await store.retry(id);
    await mustTake('r2');
    expect(await settle(ended(first))).toBe('superseded');
    expect(await store.release('r2')).toHaveLength(1);
    expect((await mustTake('r3')).pickUp).toMatchObject({ generation: 2, runnerLosses: 1 });
  });

  test('what a lost runner held is taken back, whatever it is, and what must not run again is said', async () => {
    const once = await accept({ failOnLoss: true, priority: 3 });
    await mustTake('r1');
    const other = await accept();
    await mustTake('r2');
    expect(await store.release('r1')).toEqual([{ callId: once, failOnLoss: true }]);
    expect(await store.release('r1')).toEqual([]);
    expect(await state(other)).toBe('active');
    expect(await store.inspect(once)).toMatchObject({ state: 'waiting', runnerId: 'r1', failOnLoss: true });
    expect((await mustTake('r3')).pickUp).toMatchObject({ runnerLosses: 1, failOnLoss: true });
  });

  test('a pick-up of which the runner never heard goes back, and is no loss', async () => {
    const id = await accept();
    const { attempt } = await mustTake('r1');
    expect(await store.heldBy('r1')).toEqual([{ callId: id, attempt }]);
    expect(await store.heldBy('r2')).toEqual([]);
    expect(await store.putBack('r2', [{ callId: id, attempt }])).toEqual([]);
    expect(await store.putBack('r1', [{ callId: id, attempt: attempt + 1 }])).toEqual([]);
    expect(await store.putBack('r1', [{ callId: id, attempt }])).toEqual([id]);
    expect(await store.heldBy('r1')).toEqual([]);
    expect((await mustTake('r2')).pickUp).toMatchObject({ runnerLosses: 0, handedBack: 1 });
  });

  test('upkeep: waiting that has lasted too long ends, whatever bounds it, and what runs goes on', async () => {
    const status = async () => undefined;
    const upkeep = createUpkeep({ store, pool: 'images', vault: noVault, status });
    const late = await accept({ queueTimeoutMs: 20, waiter: 'me' });
    const dead = await accept({ deadlineInMs: 20, waiter: 'me', delayMs: 60_000 });
    const fine = await accept({ queueTimeoutMs: 60_000 });
    await waitFor(async () => (await store.overdue(10)).length === 2, { what: 'both to be overdue' });
    expect(await upkeep.expire()).toBe(2);
    expect(await upkeep.expire()).toBe(0);
    const heads = await Promise.all([late, dead].map((id) => store.lookUp(id, '')));
    expect(heads.map((found) => found.state === 'settled' && found.outcome.head.kind)).toEqual([
      'FlameQueueTimeoutError',
      'FlameDeadlineError',
    ]);
    expect((await mustTake()).callId).toBe(fine);
    await stage.makeOverdue(fine);
    expect(await store.overdue(10)).toEqual([fine]);
    expect(await upkeep.expire()).toBe(0);
    expect(await store.overdue(10)).toEqual([]);
    expect(await state(fine)).toBe('active');
    expect([...(await stage.told('me'))].sort()).toEqual([`${late} 1 failed`, `${dead} 1 failed`].sort());
  });

  test('upkeep: a call that must not run again ends with its runner', async () => {
    const upkeep = createUpkeep({ store, pool: 'images', vault: noVault, status: async () => undefined });
    const id = await accept({ failOnLoss: true });
    const again = await accept();
    await mustTake();
    await mustTake();
    expect([...(await upkeep.releaseRunner('r1', 'killed'))].sort()).toEqual([id, again].sort());
    const found = await store.lookUp(id, '');
    expect(found.state === 'settled' && found.outcome.head).toMatchObject({
      kind: 'FlameRunnerLostError',
      attempts: 1,
    });
    expect((await mustTake('r2')).callId).toBe(again);
  });

  test('progress: the newest value is kept and told to those who follow; it is forgotten after its time', async () => {
    const id = await accept();
    const seen = await stage.follow(id);
    expect(await store.progress(id)).toBeUndefined();
    await store.reportProgress(id, bytes('1'), 60_000);
    await store.reportProgress(id, bytes('2'), 60_000);
    expect(await heardBy(seen, 2)).toEqual(['1', '2']);
    expect(String(await store.progress(id))).toBe('2');
    await store.reportProgress(id, bytes('3'), 60);
    await waitFor(async () => (await store.progress(id)) === undefined, { what: 'it to be forgotten' });
  });

  test('what a function has said of itself is kept with its call, and with no call that is gone', async () => {
    const id = await accept();
    expect(await store.readiness(id)).toBeUndefined();
    await store.reportReady(id, bytes('up'));
    expect(String(await store.readiness(id))).toBe('up');
    await store.remove(id);
    await store.reportReady(id, bytes('late'));
    expect(await store.readiness(id)).toBeUndefined();
    expect(await state(id)).toBe('missing');
  });

  test('large arguments go with success, stay after failure, and no more of them is read than was asked for', async () => {
    const id = await accept({ largeArgs: bytes('arguments') });
    expect(String(await store.largeArgs(id, 100))).toBe('arguments');
    expect((await store.largeArgs(id, 3)).length).toBe(4);
    await settle(ended(await mustTake(), bytes('no'), failHead));
    expect(String(await store.largeArgs(id, 100))).toBe('arguments');
    await store.retry(id);
    await settle(ended(await mustTake()));
    expect((await store.largeArgs(id, 100)).length).toBe(0);
  });

  test('an outcome is forgotten after its time, by success and by failure', async () => {
    const [fine, bad] = [await accept({ resultTtlMs: 60 }), await accept({ failedTtlMs: 60 })];
    const stays = await accept({ failedTtlMs: 60 });
    await settle(ended(await mustTake()));
    await settle(ended(await mustTake(), bytes('no'), failHead));
    await settle(ended(await mustTake()));
    for (const id of [fine, bad])
      await waitFor(async () => (await store.lookUp(id, 'me')).state === 'missing', { what: 'it to be forgotten' });
    expect(await store.body(fine)).toBeUndefined();
    expect(await bodyOf(stays)).toBe('42');
    expect(['missing', 'expired']).toContain(await state(fine));
  });

  test('what somebody awaits is kept until they have all said that they read it', async () => {
    const id = await accept({ resultTtlMs: 20, waiter: 'one' });
    await store.lookUp(id, 'two');
    await settle(ended(await mustTake()));
    const read = { callId: id, generation: 1, read: true };
    await store.acknowledge('one', 'a test', [{ ...read, generation: 2 }]);
    await store.acknowledge('three', 'a test', [read]);
    await store.acknowledge('two', 'a test', [read, read]);
    await new Promise((resolve) => setTimeout(resolve, 40));
    const found = await store.lookUp(id, 'one');
    expect(found.state === 'settled' && found.outcome.awaited).toBe(true);
    await store.acknowledge('one', 'a test', [read]);
    await waitFor(async () => (await store.lookUp(id, '')).state === 'missing', { what: 'it to be forgotten' });
  });

  test('a large value that its only waiter has read goes a minute later, and it is known to whom', async () => {
    const large = Buffer.alloc(LARGE_BODY_BYTES + 1, 7);
    const [id, cast, shared] = [await accept({ waiter: 'me' }), await accept(), await accept({ waiter: 'me' })];
    await store.lookUp(shared, 'another');
    for (let i = 0; i < 3; i += 1) await settle(ended(await mustTake(), large));
    const first = await store.lookUp(id, 'me');
    expect(first.state === 'settled' && first.outcome.awaited).toBe(true);
    expect(first.state === 'settled' && large.equals(Buffer.from(first.outcome.body))).toBe(true);
    const read = [id, cast, shared].map((callId) => ({ callId, generation: 1, read: true }));
    await store.acknowledge('me', 'host/1', read);
    // Wanted again within the minute: it is kept as one that nobody has read.
    expect((await store.lookUp(id, 'other')).state).toBe('settled');
    expect((await store.body(id))?.length).toBe(large.length);
    const second = await accept({ waiter: 'me' });
    await settle(ended(await mustTake(), large));
    await store.acknowledge('me', 'host/1', [{ callId: second, generation: 1, read: true }]);
    await stage.outliveReadBodies(second);
    expect(await store.lookUp(second, 'late')).toEqual({ state: 'delivered', at: expect.any(Number), to: 'host/1' });
    expect(await store.body(second)).toBeUndefined();
    expect((await store.lookUp(cast, 'late')).state).toBe('settled');
    expect((await store.lookUp(shared, 'late')).state).toBe('settled');
    expect(await state(second)).toBe('settled');
  });

  test('a removed call is told to those who wait, and its outcome stays as long as it is to', async () => {
    const waiting = await accept({ waiter: 'me' });
    await store.remove(waiting);
    expect(await take()).toBeUndefined();
    expect(await stage.told('me')).toEqual([`${waiting} 1 removed`]);
    expect(await store.lookUp(waiting, 'me')).toEqual({ state: 'missing' });
    const over = await accept({ waiter: 'me' });
    await settle(ended(await mustTake()));
    await store.remove(over);
    expect(await bodyOf(over)).toBe('42');
    expect(await stage.told('me')).toHaveLength(2);
    expect(await accept({ id: waiting })).toBe(waiting);
    expect((await mustTake()).attempt).toBe(1);
  });

  test('one that was settled and is taken again has only its place to clear', async () => {
    const id = await accept({ waiter: 'me' });
    await mustTake('r1');
    await store.release('r1');
    const second = await mustTake('r2');
    expect(await settle(ended(second, bytes('x')), 'r2')).toBe('done');
    expect(await store.release('r2')).toEqual([]);
    expect(await stage.told('me')).toEqual([`${id} 1 ok`]);
  });

  test('a settled slot takes the next call in the same step, or is offered', async () => {
    await accept();
    const first = await mustTake();
    const second = await accept();
    const [settled] = await store.settle({ runnerId: 'r1', release: 'r1' }, [ended(first)], [true]);
    expect(settled).toMatchObject({ status: 'done', next: { callId: second, attempt: 1 } });
    const heard = await stage.listen('r1');
    const number = newOffer();
    const next = settled?.next as TakenCall;
    const [last] = await store.settle({ runnerId: 'r1', release: 'r1' }, [ended(next)], [number]);
    expect(last).toEqual({ status: 'done', next: undefined });
    const third = await accept();
    expect(await heardBy(heard, 1)).toMatchObject([{ number, call: { callId: third } }]);
  });

  describe('limits', () => {
    const limits = (concurrency: number, key: string | undefined = undefined) =>
      describeLimits('resize', [{ name: 'openai', index: 0, rate: undefined, concurrency, key }]);

    test('no more calls of a key begin than it says; the others are held, in their turn, and those of other keys go on', async () => {
      const ids = [await accept({ limits: limits(1, 't') }), await accept({ limits: limits(1, 't') })];
      const third = await accept({ limits: limits(1, 't') });
      const other = await accept({ limits: limits(1, 'u') });
      const first = await mustTake();
      expect(first.callId).toBe(ids[0]);
      expect((await mustTake()).callId).toBe(other);
      expect(await take()).toBeUndefined();
      const held = { words: { label: 'openai', key: 't' }, at: 0, most: 1, taken: 1 };
      expect(await store.inspect(ids[1] ?? '')).toMatchObject({ state: 'waiting', attempts: 0, ahead: 0, held });
      expect(await store.inspect(third)).toMatchObject({ state: 'waiting', ahead: 1, held });
      await settle(ended(first));
      expect((await mustTake()).callId).toBe(ids[1]);
      expect(await take()).toBeUndefined();
      expect(await cancel(third)).toBe('settled');
      expect((await store.inspect(third)).held).toBeUndefined();
    });

    test('a held call that is ended holds nobody up; one that was lost keeps its place', async () => {
      const [first, second] = [await accept({ limits: limits(1) }), await accept({ limits: limits(1) })];
      const third = await accept({ limits: limits(1) });
      expect((await mustTake('r1')).callId).toBe(first);
      expect(await take('r1')).toBeUndefined();
      expect(await cancel(second)).toBe('settled');
      expect(await store.release('r1')).toHaveLength(1);
      const again = await mustTake('r2');
      expect(again).toMatchObject({ callId: first, attempt: 2 });
      expect(await take('r2')).toBeUndefined();
      await settle(ended(again), 'r2');
      expect((await mustTake('r2')).callId).toBe(third);
    });

    test('what rests between two attempts gives its place up, and is next when it is over', async () => {
      const id = await accept({ limits: limits(1) });
      const other = await accept({ limits: limits(1) });
      const last = await accept({ limits: limits(1) });
      const first = await mustTake();
      expect(await take()).toBeUndefined();
      await settle(verdictOf(first, { kind: 'retry', delayMs: 30 }));
      const second = await mustTake();
      expect(second.callId).toBe(other);
      await waitFor(async () => (await state(id)) === 'waiting', { what: 'the rest to be over' });
      expect(await take()).toBeUndefined();
      await settle(ended(second));
      expect((await mustTake()).callId).toBe(id);
      expect(await take()).toBeUndefined();
      expect((await store.inspect(last)).held).toBeDefined();
    });
  });

  describe('hand-over', () => {
    const offer = async (runnerId: string, count: number): Promise<readonly string[]> => {
      const numbers = Array.from({ length: count }, newOffer);
      const taken = await store.take({ runnerId, release: 'r1' }, { plain: 0, offer: numbers, offered: [] });
      expect(taken).toMatchObject({ calls: [], filled: [], gone: [] });
      return numbers;
    };

    test('a call goes to the slot that has been free for longest, once, and settles as one that was picked up', async () => {
      const one = await stage.listen('one');
      const two = await stage.listen('two');
      const [a] = await offer('one', 1);
      const [b] = await offer('two', 1);
      const ids = [await accept({ deadlineInMs: 60_000 }), await accept(), await accept()];
      const [first] = await heardBy(one, 1);
      const [second] = await heardBy(two, 1);
      expect([first?.number, second?.number]).toEqual([a, b]);
      expect([first?.call.callId, second?.call.callId]).toEqual(ids.slice(0, 2));
      expect(first?.call).toMatchObject({ attempt: 1, attemptsMade: 0, data: '{"v":1}' });
      expect(first?.call.pickUp).toMatchObject({ generation: 1, ats: 1, runnerLosses: 0, settled: false });
      expect(first?.call.pickUp?.deadlineAt).toBeGreaterThan(first?.call.pickUp?.at ?? 0);
      expect(await store.inspect(ids[0] ?? '')).toMatchObject({ state: 'active', runnerId: 'one', attempts: 1 });
      expect(await state(ids[2] ?? '')).toBe('waiting');
      expect(await settle(ended(first?.call as TakenCall), 'one')).toBe('done');
      expect(await state(ids[0] ?? '')).toBe('settled');
    });

    test('an offer is taken back once, and what somebody has taken is told', async () => {
      const heard = await stage.listen('one');
      const [number = ''] = await offer('one', 1);
      await accept();
      const by = { runnerId: 'one', release: 'r1' };
      expect((await store.take(by, { plain: 0, offer: [], offered: [number] })).gone).toEqual([number]);
      expect(await store.withdraw(by, [number])).toEqual([]);
      const [other = ''] = await offer('one', 1);
      expect(await store.withdraw(by, [other])).toEqual([other]);
      expect(await store.withdraw(by, [other])).toEqual([]);
      await accept();
      expect(await heardBy(heard, 1)).toHaveLength(1);
      expect((await mustTake()).attempt).toBe(1);
    });

    test('a slot on offer takes what waits, and is not on offer then', async () => {
      await stage.listen('one');
      const [number = ''] = await offer('one', 1);
      const id = await accept({ failOnLoss: true });
      const by = { runnerId: 'one', release: 'r1' };
      const taken = await store.take(by, { plain: 0, offer: [], offered: [number] });
      expect(taken.filled).toEqual([number]);
      expect(taken.calls.map(({ callId }) => callId)).toEqual([id]);
      expect(await store.withdraw(by, [number])).toEqual([]);
    });

    test('what may not be begun twice, what waits for its time, and what stands behind others is picked up', async () => {
      const heard = await stage.listen('one');
      await offer('one', 4);
      await accept({ failOnLoss: true });
      await accept();
      await accept({ delayMs: 60_000 });
      expect(heard).toEqual([]);
      expect([await state((await mustTake()).callId), await state((await mustTake()).callId)]).toEqual([
        'active',
        'active',
      ]);
    });

    test('a runner that hears nothing gets nothing: the call goes to the next one, or waits', async () => {
      const deaf = await stage.listen('deaf');
      const two = await stage.listen('two');
      await offer('deaf', 1);
      await offer('two', 1);
      await stage.deafen('deaf');
      const id = await accept();
      expect((await heardBy(two, 1))[0]?.call.callId).toBe(id);
      expect(deaf).toEqual([]);
      const next = await accept();
      expect(await store.inspect(next)).toMatchObject({ state: 'waiting', attempts: 0, runnerId: undefined });
      expect((await mustTake()).pickUp).toMatchObject({ runnerLosses: 0, ats: 1 });
    });

    test('a call that was handed over and never arrived stands under its runner’s name, and goes back at nobody’s cost', async () => {
      await stage.listen('one');
      await offer('one', 1);
      const id = await accept();
      const held = await store.heldBy('one');
      expect(held).toEqual([{ callId: id, attempt: 1 }]);
      expect(await store.putBack('one', held)).toEqual([id]);
      expect((await mustTake('two')).pickUp).toMatchObject({ runnerLosses: 0, handedBack: 1 });
    });
  });
});
