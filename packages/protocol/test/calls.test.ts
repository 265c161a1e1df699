/** The protocol of one call against a real Redis: accept, fence, losses, expiry, cancel. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { runScript } from '../src/connect.ts';
import { createHousekeeping } from '../src/housekeeping.ts';
import { inspectCall } from '../src/inspection.ts';
import { lookupCall, settleWaiting } from '../src/store/redis-outcomes.ts';
import { finish, keys, move, okHead, POOL, type PoolFixture, plainCall, startPool } from './support.ts';

let pool: PoolFixture;
beforeEach(async () => {
  pool = await startPool();
});
afterEach(() => pool.stop());

const mustPickUp = async (runner: string) => {
  const picked = await pool.pickUp(runner);
  if (picked?.pickUp === undefined) throw new Error('nothing to pick up');
  return { ...picked, pickUp: picked.pickUp };
};

test('R-15 a call that is sent twice is enqueued once, whatever state it is in', async () => {
  const call = plainCall();
  await pool.store.accept([call]);
  await pool.store.accept([call]);
  expect(await pool.client.llen(`${keys.queue}wait`)).toBe(1);
  const { id, attempt } = await mustPickUp('r1');
  await pool.store.accept([call]);
  await finish(pool, id, attempt, 'r1');
  await pool.store.accept([call]);
  // Even when its job has been cleaned away, the stored outcome remembers it.
  await pool.backend.remove(id, false);
  await pool.store.accept([call]);
  expect(await pool.client.llen(`${keys.queue}wait`)).toBe(0);
});

test('P15 the same id with another fingerprint is refused while it waits and after it has ended', async () => {
  const call = { ...plainCall(), fingerprint: 'a' };
  await pool.store.accept([call]);
  expect(await pool.store.accept([{ ...call, fingerprint: 'b' }])).toEqual(['id-conflict']);
  const { id, attempt } = await mustPickUp('r1');
  await finish(pool, id, attempt, 'r1');
  await pool.backend.remove(id, false);
  expect(await pool.store.accept([{ ...call, fingerprint: 'b' }])).toEqual(['id-conflict']);
});

test('a full pool refuses further calls', async () => {
  await pool.accept({ maxPending: 1 });
  expect(await pool.store.accept([{ ...plainCall(), maxPending: 1 }])).toEqual(['queue-full']);
});

test('the outcome is announced to every stream that waits, small bodies inline and large ones by reference', async () => {
  const call = { ...plainCall(), waiter: 'one' };
  await pool.store.accept([call]);
  await lookupCall(pool.client, keys, call.id, 'two');
  await lookupCall(pool.client, keys, call.id, 'two');
  const { id, attempt } = await mustPickUp('r1');
  const large = Buffer.alloc(100_000, 7);
  await finish(pool, id, attempt, 'r1', large);
  for (const waiter of ['one', 'two']) {
    const entries = await pool.client.xrange(keys.reply(waiter), '-', '+');
    expect(entries).toHaveLength(1);
    expect(entries[0]?.[1]).not.toContain('body');
    expect(await pool.client.pttl(keys.reply(waiter))).toBeGreaterThan(0);
  }
  const found = await lookupCall(pool.client, keys, id, '');
  expect(found.state === 'settled' && Buffer.compare(Buffer.from(found.outcome.body), large)).toBe(0);
});

test('P13 F16 a superseded attempt can neither store nor announce its outcome', async () => {
  await pool.accept({ waiter: 'me' });
  const first = await mustPickUp('r1');
  // r1 freezes; its lock runs out and a stalled check takes the call back.
  await runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1']);
  const second = await mustPickUp('r2');
  expect(second.id).toBe(first.id);
  expect(second.attempt).toBe(2);
  expect(second.pickUp.runnerLosses).toBe(1);
  await finish(pool, first.id, first.attempt, 'r1', Buffer.from('late'));
  expect(await pool.client.exists(keys.outcome(first.id))).toBe(0);
  await finish(pool, second.id, second.attempt, 'r2', Buffer.from('right'));
  await finish(pool, first.id, first.attempt, 'r1', Buffer.from('later'));
  const found = await lookupCall(pool.client, keys, first.id, '');
  expect(found.state === 'settled' && String(found.outcome.body)).toBe('right');
  expect(await pool.client.xlen(keys.reply('me'))).toBe(1);
});

test('an attempt that is still the newest may settle although its lock has run out, even after a stalled check moved it', async () => {
  await pool.accept();
  const { id, attempt } = await mustPickUp('r1');
  await runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1']);
  expect(await pool.client.llen(`${keys.queue}wait`)).toBe(1);
  await finish(pool, id, attempt, 'r1');
  expect(await pool.client.llen(`${keys.queue}wait`)).toBe(0);
  expect((await lookupCall(pool.client, keys, id, '')).state).toBe('settled');
});

test('a call whose outcome is stored is marked at its next pick-up, so that it is not run again', async () => {
  await pool.accept();
  const { id } = await mustPickUp('r1');
  await pool.client.hset(keys.outcome(id), { gen: '1', head: JSON.stringify(okHead), body: 'x', fp: '' });
  await runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1']);
  expect((await mustPickUp('r2')).pickUp.settled).toBe(true);
});

test('an orderly hand-back counts as no loss and goes to the head of the queue', async () => {
  const first = await pool.accept();
  await pool.accept();
  const { id, attempt } = await mustPickUp('r1');
  expect(id).toBe(first);
  await move(pool, id, attempt, 'r1');
  const again = await mustPickUp('r2');
  expect(again.id).toBe(first);
  expect(again.pickUp.runnerLosses).toBe(0);
});

test('renewing keeps what is ours, takes back a lock that ran out, and names what is superseded or to be cancelled', async () => {
  await pool.accept();
  await pool.accept();
  const a = await mustPickUp('r1');
  const b = await mustPickUp('r1');
  await pool.client.del(`${keys.queue}${a.id}:lock`);
  const renew = (...calls: (typeof a & { token: string })[]) =>
    runScript(pool.client, 'flameRenew', [keys.queue, 5_000, ...calls.flatMap((c) => [c.id, c.attempt, 1, c.token])]);
  expect(await renew({ ...a, token: 'r1' }, { ...b, token: 'r1' })).toEqual([[], []]);
  expect(await pool.client.get(`${keys.queue}${a.id}:lock`)).toBe('r1');
  await pool.client.hset(`${keys.queue}${b.id}`, 'f:cancel', 'no longer wanted');
  await pool.client.hincrby(`${keys.queue}${a.id}`, 'ats', 1);
  expect(await renew({ ...a, token: 'r1' }, { ...b, token: 'r1' })).toEqual([[a.id], [b.id, 'no longer wanted']]);
});

test('F15 settling a waiting call removes it for good; a running one is only asked to stop', async () => {
  const waiting = await pool.accept();
  const head = { ...okHead, ok: false, kind: 'FlameCancelledError', message: 'cancelled' };
  const verdict = { generation: 0, head, body: Buffer.from('error'), cancelReason: 'not wanted' };
  expect(await settleWaiting(pool.client, keys, waiting, verdict)).toBe('settled');
  expect(await pool.pickUp('r1')).toBeUndefined();
  expect((await lookupCall(pool.client, keys, waiting, '')).state).toBe('settled');
  expect(await settleWaiting(pool.client, keys, waiting, verdict)).toBe('finished');

  const running = await pool.accept();
  await mustPickUp('r1');
  expect(await settleWaiting(pool.client, keys, running, verdict)).toBe('active');
  expect(await pool.client.hget(`${keys.queue}${running}`, 'f:cancel')).toBe('not wanted');
  expect(await settleWaiting(pool.client, keys, 'images.aaaaaaaaaaaaaaaaaaaaaaaaaa', verdict)).toBe('missing');
});

test('a paused pool stops the clock of waiting', async () => {
  const id = await pool.accept({ queueTimeoutMs: 1_000 });
  await pool.client.hincrby(`${keys.queue}${id}`, 'f:since', -10_000);
  expect((await inspectCall(pool.client, keys, id)).waitedMs).toBeGreaterThanOrEqual(10_000);
  await pool.backend.pause(true);
  await pool.client.hincrby(`${keys.base}:pause`, 'since', -9_500);
  const paused = await inspectCall(pool.client, keys, id);
  expect(paused.poolPaused).toBe(true);
  expect(paused.waitedMs).toBeLessThan(2_000);
  await pool.backend.pause(false);
  expect((await inspectCall(pool.client, keys, id)).waitedMs).toBeLessThan(2_000);
});

test('housekeeping expires, promotes, recovers and sweeps without any runner or caller', async () => {
  const house = createHousekeeping(pool.client, keys, POOL);
  const overdue = await pool.accept({ queueTimeoutMs: 50 });
  await pool.client.hincrby(`${keys.queue}${overdue}`, 'f:since', -1_000);
  await pool.client.zadd(keys.expiry, 1, overdue);
  expect(await house.expire()).toBe(1);
  const found = await lookupCall(pool.client, keys, overdue, '');
  expect(found.state === 'settled' && found.outcome.head.kind).toBe('FlameQueueTimeoutError');

  const delayed = await pool.accept({ delayMs: 60_000 });
  await pool.client.zadd(`${keys.queue}delayed`, 1, delayed);
  expect(await house.promoteDelayed()).toBe(1);
  expect(await pool.client.lrange(`${keys.queue}wait`, 0, -1)).toEqual([delayed]);

  const once = await pool.accept({ failOnLoss: true, priority: 1 });
  await pool.client.lrem(`${keys.queue}wait`, 1, delayed);
  expect((await mustPickUp('r1')).id).toBe(once);
  expect(await house.releaseRunner('r1')).toEqual([once]);
  const lost = await lookupCall(pool.client, keys, once, '');
  expect(lost.state === 'settled' && lost.outcome.head.kind).toBe('FlameRunnerLostError');

  await pool.client.del(keys.outcome(once), keys.outcome(overdue));
  expect(await house.sweep()).toBe(2);
  expect(await pool.client.exists(`${keys.queue}${once}`)).toBe(0);
});

test('R-43 a sweep finds what has run out behind what is kept for long, in one go', async () => {
  const house = createHousekeeping(pool.client, keys, POOL);
  const fail = async (): Promise<string> => {
    const id = await pool.accept({});
    await settleWaiting(pool.client, keys, id, {
      generation: 0,
      head: { ...okHead, ok: false },
      body: Buffer.from('e'),
    });
    return id;
  };
  const many = (count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, fail));
  const kept = await many(230);
  const over = await many(230);
  await pool.client.del(over.map((id) => keys.outcome(id)));
  expect(await house.sweep()).toBe(over.length);
  expect((await pool.client.zrange(`${keys.queue}failed`, '0', '-1')).sort()).toEqual([...kept].sort());
  expect(await house.sweep()).toBe(0);
});

test('P05 large arguments go with success, stay until failedTtl after failure, and are swept when their job is removed by hand', async () => {
  await pool.accept({ largeArgs: Buffer.alloc(1_000) });
  const done = await mustPickUp('r1');
  await finish(pool, done.id, done.attempt, 'r1');
  expect(await pool.client.exists(keys.args(done.id))).toBe(0);

  const failed = await pool.accept({ largeArgs: Buffer.alloc(1_000) });
  await settleWaiting(pool.client, keys, failed, {
    generation: 0,
    head: { ...okHead, ok: false },
    body: Buffer.from('e'),
  });
  expect(await pool.client.pttl(keys.args(failed))).toBeGreaterThan(7_000_000);

  const removed = await pool.accept({ largeArgs: Buffer.alloc(1_000) });
  await pool.backend.remove(removed, false);
  await createHousekeeping(pool.client, keys, POOL).sweep();
  expect(await pool.client.exists(keys.args(removed))).toBe(0);
});

test.each([
  ['the note of a child', { 'f:ready': 'up' }],
  ['the fields of an old attempt', { processedOn: '1', ats: '3', failedReason: 'x' }],
])('RI-13 what is left of a removed call under its id (%s) does not swallow the next one', async (_what, remains) => {
  const { id } = plainCall();
  await pool.client.hset(`${keys.queue}${id}`, remains);
  expect(await pool.accept({ id })).toBe(id);
  const { attempt } = await mustPickUp('r1');
  expect(attempt).toBe(1);
  await finish(pool, id, attempt, 'r1');
  expect((await lookupCall(pool.client, keys, id, '')).state).toBe('settled');
});

test('RI-13 a note that comes after its job was removed leaves nothing behind', async () => {
  const id = await pool.accept({});
  await runScript(pool.client, 'flameReady', [`${keys.queue}${id}`, 'up']);
  expect(await pool.client.hget(`${keys.queue}${id}`, 'f:ready')).toBe('up');
  await pool.backend.remove(id, false);
  await runScript(pool.client, 'flameReady', [`${keys.queue}${id}`, 'late']);
  expect(await pool.client.exists(`${keys.queue}${id}`)).toBe(0);
});

test('plain bytes, as threads and other libraries give them, are stored as they are', async () => {
  const plain = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
  const id = await pool.accept({ largeArgs: plain('arguments') });
  expect(await pool.client.get(keys.args(id))).toBe('arguments');
  const { attempt } = await mustPickUp('r1');
  await finish(pool, id, attempt, 'r1', plain('the value'));
  expect(await pool.client.hget(keys.outcome(id), 'body')).toBe('the value');

  const cancelled = await pool.accept({});
  await settleWaiting(pool.client, keys, cancelled, {
    generation: 0,
    head: { ...okHead, ok: false },
    body: plain('why'),
  });
  expect(await pool.client.hget(keys.outcome(cancelled), 'body')).toBe('why');
});

test('RI-14 P16 a retry by hand starts a new generation: budgets and clocks start again, and its outcome is the newest', async () => {
  const id = await pool.accept({ largeArgs: Buffer.alloc(1_000) });
  await settleWaiting(pool.client, keys, id, {
    generation: 0,
    head: { ...okHead, ok: false },
    body: Buffer.from('first'),
  });
  await pool.backend.retryFinishedJob({ id, opts: {} } as never, 'failed');
  expect(await pool.client.pttl(keys.args(id))).toBe(-1);
  expect((await lookupCall(pool.client, keys, id, 'me')).state).toBe('pending');
  const { attempt, pickUp } = await mustPickUp('r1');
  expect(pickUp).toMatchObject({ generation: 2, settled: false, runnerLosses: 0 });
  await finish(pool, id, attempt, 'r1', Buffer.from('second'), 2);
  const found = await lookupCall(pool.client, keys, id, '');
  expect(found.state === 'settled' && [found.outcome.generation, String(found.outcome.body)]).toEqual([2, 'second']);
});

test('RO-13 thousands of calls whose runners are gone are taken back in batches, and a new call is served in between', async () => {
  const orphans = 2_500;
  const seed = pool.client.pipeline();
  for (let i = 0; i < orphans; i += 1) {
    const { id } = plainCall();
    seed.hset(`${keys.queue}${id}`, { name: 'x', data: '{}', opts: '{}', ats: 1, 'f:gen': 1, 'f:run': 'gone' });
    seed.lpush(`${keys.queue}active`, id);
  }
  await seed.exec();
  const check = async (): Promise<number> => {
    await pool.client.del(`${keys.queue}stalled-check`);
    return (await pool.backend.moveStalledJobsToWait()).length;
  };
  // The first check marks them; and there is none before every runner could have renewed its locks.
  const marked = async (): Promise<boolean> => {
    expect(await check()).toBe(0);
    return (await pool.client.scard(`${keys.queue}stalled`)) === orphans;
  };
  await waitFor(marked, { what: 'a check', everyMs: 500 });
  expect(await check()).toBe(1_000);
  // At the end of the queue from which calls are taken.
  const urgent = await pool.accept({ maxPending: 10_000 });
  await pool.client.lrem(`${keys.queue}wait`, 1, urgent);
  await pool.client.rpush(`${keys.queue}wait`, urgent);
  expect((await mustPickUp('r1')).id).toBe(urgent);
  expect([await check(), await check(), await check()]).toEqual([1_000, 500, 0]);
  expect(await pool.client.llen(`${keys.queue}wait`)).toBe(orphans);
});

test('R-16 one process that has picked a call up twice tells its attempts apart', async () => {
  const id = await pool.accept();
  const first = await mustPickUp('r1');
  // Its lock ran out while nobody could renew it, and both replies are there before either is looked at.
  await runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1']);
  const second = await mustPickUp('r1');
  expect(first.pickUp).toMatchObject({ ats: 1, runnerLosses: 0 });
  expect(second.pickUp).toMatchObject({ ats: 2, runnerLosses: 1 });
  expect(await finish(pool, id, first.attempt, 'r1')).toBe('superseded');
  expect(await finish(pool, id, second.attempt, 'r1')).toBe('done');
  expect(await pool.client.hget(keys.outcome(id), 'gen')).toBe('1');
});

test('R-23 a call whose job ended without an outcome is not waited for', async () => {
  const id = await pool.accept();
  await mustPickUp('r1');
  // As another tool does it, which knows nothing of outcomes.
  await pool.client.lrem(`${keys.queue}active`, 1, id);
  await pool.client.zadd(`${keys.queue}failed`, 1, id);
  await pool.client.hset(`${keys.queue}${id}`, 'finishedOn', 1, 'failedReason', 'by hand');
  expect(await pool.client.zcard(`${keys.queue}failed`)).toBe(1);
  expect(await lookupCall(pool.client, keys, id, 'one')).toEqual({ state: 'missing' });
});

test('P05 a call whose outcome has expired is not waited for, although its job is still there', async () => {
  const id = await pool.accept();
  const { attempt } = await mustPickUp('r1');
  await finish(pool, id, attempt, 'r1');
  await pool.client.del(keys.outcome(id));
  expect(await lookupCall(pool.client, keys, id, 'one')).toEqual({ state: 'missing' });
});

test('R-20 a call that has ended is not renewed, and gets no lock', async () => {
  const id = await pool.accept();
  const { attempt } = await mustPickUp('r1');
  await finish(pool, id, attempt, 'r1');
  const reply = await runScript(pool.client, 'flameRenew', [keys.queue, 5_000, id, attempt, 1, 'r1']);
  expect(reply).toEqual([[id], []]);
  expect(await pool.client.exists(`${keys.queue}${id}:lock`)).toBe(0);
});
