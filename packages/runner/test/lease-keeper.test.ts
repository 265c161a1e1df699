/** Renewal of what a runner holds, with a Redis that answers as the test says. */
import { type CallStore, type Lease, LOCK_MS, type Renewal } from '@flamejs/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createHeldCall, createHeldCalls, type HeldCall } from '../src/held-call.ts';
import { createLeaseKeeper, OUT_OF_CONTACT_MS } from '../src/lease-keeper.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What nobody says of a renewal: nothing is lost, nothing to be stopped. */
const FINE: Renewal = { lost: [], cancelled: [] };

const keeperOf = (answer: () => Promise<Renewal>) => {
  const sent: unknown[][] = [];
  const store = {
    renew(runnerId: string, leases: readonly Lease[]) {
      sent.push([runnerId, ...leases]);
      return answer();
    },
  } as unknown as CallStore;
  const calls = createHeldCalls();
  const superseded: string[] = [];
  const errors: Error[] = [];
  const keeper = createLeaseKeeper({
    store,
    runnerId: 't',
    calls,
    onSuperseded: (id) => superseded.push(id),
    onLate: () => undefined,
    onError: (error) => errors.push(error),
  });
  keeper.start();
  return { keeper, calls, sent, superseded, errors };
};

const hold = (callId: string, failOnLoss = false): HeldCall =>
  createHeldCall({
    callId,
    ats: 2,
    generation: 1,
    failOnLoss,
    resumable: false,
    bounded: true,
    confirmedAt: performance.now(),
  });

test('what is held is renewed by its attempt and generation, and nothing is sent while nothing is held', async () => {
  const { keeper, calls, sent } = keeperOf(async () => FINE);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(sent).toEqual([]);
  calls.add(hold('main.a'));
  await vi.advanceTimersByTimeAsync(1_600);
  expect(sent[0]).toEqual(['t', { callId: 'main.a', attempt: 2, generation: 1 }]);
  keeper.stop();
});

test('a superseded call is ended, a cancelled one asked to stop, and their neighbour left alone', async () => {
  const { keeper, calls, superseded } = keeperOf(async () => ({
    lost: ['main.a'],
    cancelled: [{ callId: 'main.b', reason: 'not wanted' }],
  }));
  const [a, b, c] = [hold('main.a'), hold('main.b'), hold('main.c')];
  for (const call of [a, b, c]) calls.add(call);
  await vi.advanceTimersByTimeAsync(1_600);
  expect(a.cause).toEqual({ kind: 'superseded' });
  expect(b.cause).toEqual({ kind: 'cancel', reason: 'not wanted' });
  expect(c.cause).toBeUndefined();
  expect(superseded).toEqual(['main.a']);
  keeper.stop();
});

test('F16 a call that ended while Redis was asked is not stopped by the late answer, nor is its next attempt', async () => {
  let reply: (answer: Renewal) => void = () => {};
  const { keeper, calls } = keeperOf(
    () =>
      new Promise((resolve) => {
        reply = resolve;
      }),
  );
  const [old, next] = [hold('main.a'), hold('main.a')];
  calls.add(old);
  await vi.advanceTimersByTimeAsync(1_600);
  calls.remove(old);
  calls.add(next);
  reply({ lost: ['main.a'], cancelled: [] });
  await vi.advanceTimersByTimeAsync(0);
  expect(next.cause).toBeUndefined();
  keeper.stop();
});

test('without contact an executor is killed after 30 s, with onRunnerLost "fail" when the lock has run out', async () => {
  const { keeper, calls } = keeperOf(() => new Promise(() => undefined));
  const [patient, strict] = [hold('main.a'), hold('main.b', true)];
  calls.add(patient);
  calls.add(strict);
  await vi.advanceTimersByTimeAsync(LOCK_MS - 1_000);
  expect(strict.cause).toBeUndefined();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(strict.cause).toEqual({ kind: 'out-of-contact' });
  expect(patient.cause).toBeUndefined();
  await vi.advanceTimersByTimeAsync(OUT_OF_CONTACT_MS);
  expect(patient.cause).toEqual({ kind: 'out-of-contact' });
  keeper.stop();
});

test('an error of Redis is reported and does not end the renewals', async () => {
  let answers = 0;
  const { keeper, calls, errors, sent } = keeperOf(async () => {
    answers += 1;
    if (answers === 1) throw new Error('OOM command not allowed');
    return FINE;
  });
  calls.add(hold('main.a'));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(errors).toHaveLength(1);
  expect(sent.length).toBeGreaterThan(1);
  keeper.stop();
});
