/** Limits of a drain, when there are several reasons for it. */
import { expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createDrain, type DrainLimit } from '../src/drain.ts';
import { createHeldCall, createHeldCalls } from '../src/held-call.ts';

/** A drain with a call that ends by itself in its time, and one that does not; both go on until they are stopped. */
const startDrain = () => {
  const calls = createHeldCalls();
  const held = (callId: string, bounded: boolean) => {
    const facts = { callId, ats: 1, generation: 1, failOnLoss: false, bounded, resumable: false, confirmedAt: 0 };
    const call = createHeldCall(facts);
    calls.add(call);
    return call;
  };
  const [bounded, endless] = [held('a', true), held('b', false)];
  const loop = { hold: () => undefined, whenStill: () => new Promise<void>(() => undefined) };
  const drain = createDrain({
    loop: () => loop as never,
    calls,
    report: async () => true,
    connected: () => true,
    onChange: () => undefined,
  });
  return { drain, bounded, endless };
};
const all = (withinMs: number): DrainLimit => ({ withinMs, cut: 'all' });
const unbounded = (withinMs: number): DrainLimit => ({ withinMs, cut: 'unbounded' });

test('C-14: SIGTERM after a drain for a silent autoscaler stops bounded calls at its own limit', async () => {
  const { drain, bounded, endless } = startDrain();
  drain.begin('heartbeat', unbounded(20));
  drain.begin('sigterm', all(100));
  await waitFor(() => bounded.cause?.kind === 'shutdown', { what: 'the bounded call to be stopped' });
  expect(endless.cause?.kind).toBe('shutdown');
  drain.cutNow();
});

test('C-14: the shorter of two limits of a kind holds, whichever came first', async () => {
  for (const limits of [
    [20, 600_000],
    [600_000, 20],
  ]) {
    const { drain, bounded } = startDrain();
    for (const ms of limits) drain.begin('sigterm', all(ms));
    await waitFor(() => bounded.cause?.kind === 'shutdown', { what: 'the call to be stopped' });
    drain.cutNow();
  }
});

test('C-14: a silent autoscaler alone stops no call that ends by itself', async () => {
  const { drain, bounded, endless } = startDrain();
  drain.begin('sigterm', all(600_000));
  drain.begin('heartbeat', unbounded(20));
  await waitFor(() => endless.cause?.kind === 'shutdown', { what: 'the endless call to be stopped' });
  expect(bounded.cause).toBeUndefined();
  drain.cutNow();
});
