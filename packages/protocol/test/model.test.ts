/**
 * The protocol of calls against a model of it: random histories of acceptances, hand-overs, pick-ups, ends, losses and cancellations,
 * over both stores, and after each step store and model must agree. Runners begin what is handed over by the rule of real ones: only
 * under a number that they offer, once.
 */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createOffers, type Offers } from '../../runner/src/offers.ts';
import type { TakenCall, Verdict } from '../src/store/call-store.ts';
import { newOffer } from '../src/store/hand-over.ts';
import { memoryStages, redisStages, type Stage } from './stores.ts';
import { okHead, plain, plainCall } from './support.ts';

type State = 'waiting' | 'active' | 'completed' | 'failed';
interface ModelCall {
  state: State;
  /** Pick-ups of all generations, those before this one, and those of this one that went back before anything began. */
  attempts: number;
  before: number;
  back: number;
  generation: number;
  losses: number;
  /** Whose name stands at it: found at the next pick-up, it means that nobody ended it in good order. */
  runner: string | undefined;
}
interface Attempt {
  readonly id: string;
  readonly attempt: number;
  readonly generation: number;
  readonly runner: string;
}
interface Push {
  readonly runner: string;
  readonly number: string;
  readonly id: string;
  /** It never arrives. */
  isLost: boolean;
}
interface Model {
  readonly calls: Map<string, ModelCall>;
  /** That runners have begun, and may try to end. */
  readonly attempts: Attempt[];
  /** Slots on offer in the store, the longest free first. */
  readonly free: { readonly runner: string; readonly number: string }[];
  /** What was pushed and has neither arrived nor been given up. */
  readonly pushes: Push[];
}
interface Real {
  readonly stage: Stage;
  readonly runners: ReadonlyMap<string, { readonly offers: Offers; readonly heard: readonly unknown[]; read: number }>;
}
type Command = fc.AsyncCommand<Model, Real>;

const RUNNERS = ['r1', 'r2', 'r3'];

const callOf = (model: Model, id: string): ModelCall => {
  const call = model.calls.get(id);
  if (call === undefined) throw new Error(`the model knows no ${id}`);
  return call;
};
const any = <T>(items: readonly T[], pick: number): T => items[pick % items.length] as T;
const isNewest = (model: Model, a: Attempt): boolean => {
  const call = callOf(model, a.id);
  return call.attempts === a.attempt && call.generation === a.generation;
};
const isSettled = (call: ModelCall): boolean => call.state === 'completed' || call.state === 'failed';
const hasWaiting = (model: Model): boolean => [...model.calls.values()].some(({ state }) => state === 'waiting');
const runnerOf = (real: Real, id: string) => {
  const runner = real.runners.get(id);
  if (runner === undefined) throw new Error(`no runner ${id}`);
  return runner;
};

const agree = async (model: Model, { store }: Stage): Promise<void> => {
  for (const [id, call] of model.calls) {
    const seen = await store.inspect(id);
    const found = await store.lookUp(id, '');
    // On a slow machine a lock may run out by itself, and nobody looks for such calls here until a step says so.
    const place = seen.state === 'orphaned' ? 'active' : seen.state;
    const state = found.state !== 'settled' ? place : found.outcome.head.ok ? 'completed' : 'failed';
    expect({ id, state, generation: seen.generation, attempts: seen.attempts }).toEqual({
      id,
      state: call.state,
      generation: call.generation,
      attempts: call.attempts - call.before - call.back,
    });
  }
  for (const runner of RUNNERS) {
    const held = [...model.calls].filter(([, call]) => call.state === 'active' && call.runner === runner);
    expect((await store.heldBy(runner)).map(({ callId }) => callId).sort()).toEqual(held.map(([id]) => id).sort());
  }
};

const command = (
  name: string,
  check: (model: Model) => boolean,
  run: (model: Model, real: Real) => Promise<void>,
): Command => ({
  check,
  async run(model, real) {
    await run(model, real);
    await agree(model, real.stage);
  },
  toString: () => name,
});

const verdictOf = (a: Attempt, body: string | undefined): Verdict => {
  const fence = { callId: a.id, attempt: a.attempt, generation: a.generation, reason: 'test' };
  if (body === undefined) return { ...fence, kind: 'again' };
  return { ...fence, kind: 'settle', outcome: { head: okHead, body: Buffer.from(body) } };
};
const settle = async ({ stage }: Real, a: Attempt, body?: string) =>
  (await stage.store.settle({ runnerId: a.runner, release: 'r1' }, [verdictOf(a, body)], [false]))[0]?.status;

const accept = (): Command =>
  command(
    'accept',
    (m) => m.calls.size < 6,
    async (model, { stage }) => {
      for (const runner of RUNNERS) await stage.beat(runner);
      const call = { ...plainCall(), waiter: 'me' };
      await stage.store.accept([call]);
      // A client that sends it again after a broken connection.
      await stage.store.accept([call]);
      const slot = hasWaiting(model) ? undefined : model.free.shift();
      const made = { attempts: slot === undefined ? 0 : 1, before: 0, back: 0, generation: 1, losses: 0 };
      model.calls.set(call.id, { ...made, state: slot === undefined ? 'waiting' : 'active', runner: slot?.runner });
      if (slot !== undefined) model.pushes.push({ ...slot, id: call.id, isLost: false });
    },
  );

const begun = (model: Model, runner: string, taken: TakenCall): void => {
  const call = callOf(model, taken.callId);
  expect(call.state).toBe('waiting');
  if (call.runner !== undefined) call.losses += 1;
  expect(taken.pickUp).toMatchObject({ generation: call.generation, runnerLosses: call.losses, settled: false });
  Object.assign(call, { state: 'active', attempts: call.attempts + 1, runner });
  model.attempts.push({ id: taken.callId, attempt: taken.attempt, generation: call.generation, runner });
};

const pickUp = (runner: string): Command =>
  command(
    `pickUp(${runner})`,
    () => true,
    async (model, { stage }) => {
      const [taken] = (await stage.store.take({ runnerId: runner, release: 'r1' }, plain(1))).calls;
      expect(taken !== undefined).toBe(hasWaiting(model));
      if (taken !== undefined) begun(model, runner, taken);
    },
  );

const offer = (runner: string): Command =>
  command(
    `offer(${runner})`,
    (m) => m.free.length < 4,
    async (model, real) => {
      const { offers } = runnerOf(real, runner);
      const number = offers.ask();
      const slots = { plain: 0, offer: [number], offered: [] };
      const taken = await real.stage.store.take({ runnerId: runner, release: 'r1' }, slots);
      expect(taken.filled).toEqual(hasWaiting(model) ? [number] : []);
      const [call] = taken.calls;
      if (call !== undefined) {
        offers.close(number);
        begun(model, runner, call);
        return;
      }
      offers.opened(number);
      model.free.push({ runner, number });
    },
  );

const withdraw = (pick: number): Command =>
  command(
    `withdraw(${pick})`,
    (m) => m.free.length > 0,
    async (model, real) => {
      const { runner, number } = any(model.free, pick);
      const other = RUNNERS.find((each) => each !== runner) ?? '';
      expect(await real.stage.store.withdraw({ runnerId: other, release: 'r1' }, [number])).toEqual([]);
      expect(await real.stage.store.withdraw({ runnerId: runner, release: 'r1' }, [number])).toEqual([number]);
      runnerOf(real, runner).offers.close(number);
      model.free.splice(
        model.free.findIndex((slot) => slot.number === number),
        1,
      );
    },
  );

/** What was pushed to a runner and is not lost arrives, and each number begins one call at most. */
const arrive = (runner: string): Command =>
  command(
    `arrive(${runner})`,
    (m) => m.pushes.some((push) => push.runner === runner),
    async (model, real) => {
      const known = runnerOf(real, runner);
      const coming = model.pushes.filter((push) => push.runner === runner);
      const unread = (): readonly { readonly number: string; readonly call: TakenCall }[] =>
        known.heard.slice(known.read) as never;
      const hasCome = ({ number }: Push): boolean =>
        (known.heard as ReturnType<typeof unread>).some((message) => message.number === number);
      await waitFor(() => coming.every(hasCome), { what: 'the pushes to arrive' });
      const messages = unread();
      known.read = known.heard.length;
      for (const { number, call } of [...messages, ...messages]) {
        const push = coming.find((each) => each.number === number);
        if (push?.isLost !== false) continue;
        if (!known.offers.use(number)) continue;
        expect(call.callId).toBe(push.id);
        model.attempts.push({ id: push.id, attempt: 1, generation: 1, runner });
      }
      for (const push of coming) if (!push.isLost) model.pushes.splice(model.pushes.indexOf(push), 1);
    },
  );

const losePush = (pick: number): Command =>
  command(
    `losePush(${pick})`,
    (m) => m.pushes.length > 0,
    async (model) => {
      any(model.pushes, pick).isLost = true;
    },
  );

/** Somebody else pushes a call under a number that nobody has offered, or that was used. */
const forgePush = (runner: string, pick: number): Command =>
  command(
    `forgePush(${runner}, ${pick})`,
    (m) => m.calls.size > 0,
    async (model, real) => {
      const known = runnerOf(real, runner);
      const used = known.heard.slice(0, known.read) as readonly { readonly number: string }[];
      for (const number of [newOffer(), ...used.map((each) => each.number)]) {
        const isOpen = model.free.some((slot) => slot.number === number);
        const isComing = model.pushes.some((push) => push.number === number);
        if (!isOpen && !isComing) expect(known.offers.use(number)).toBe(false);
      }
      // Whoever begins it all the same ends nothing: the fence is another one.
      const [id, call] = any([...model.calls], pick);
      const forged = { id, attempt: call.attempts + 1, generation: call.generation, runner };
      expect(await settle(real, forged, 'forged')).toBe('superseded');
    },
  );

/** What the store holds under a runner's name and the runner has not begun goes back; a push of it comes to nothing then. */
const putBackStrays = (runner: string): Command =>
  command(
    `putBackStrays(${runner})`,
    () => true,
    async (model, real) => {
      const { offers } = runnerOf(real, runner);
      const strays = (await real.stage.store.heldBy(runner)).filter(
        ({ callId, attempt }) => !model.attempts.some((a) => a.id === callId && a.attempt === attempt),
      );
      const pushed = model.pushes.filter((push) => push.runner === runner);
      for (const { number } of pushed) offers.close(number);
      expect([...(await real.stage.store.putBack(runner, strays))].sort()).toEqual(
        strays.map(({ callId }) => callId).sort(),
      );
      for (const { callId } of strays) {
        const call = callOf(model, callId);
        Object.assign(call, { state: 'waiting', runner: undefined, back: call.back + 1 });
      }
      for (const push of pushed) model.pushes.splice(model.pushes.indexOf(push), 1);
    },
  );

const commit = (pick: number): Command =>
  command(
    `commit(${pick})`,
    (m) => m.attempts.length > 0,
    async (model, real) => {
      const a = any(model.attempts, pick);
      const call = callOf(model, a.id);
      const accepted = isNewest(model, a) && !isSettled(call) && (call.state === 'active' || call.runner !== undefined);
      // What no runner does: to finish what it has handed back.
      if (!accepted && isNewest(model, a) && !isSettled(call)) return;
      expect(await settle(real, a, '42')).toBe(accepted ? 'done' : 'superseded');
      expect(await settle(real, a, '43')).toBe('superseded');
      if (accepted) Object.assign(call, { state: 'completed', runner: undefined });
    },
  );

const handBack = (pick: number): Command =>
  command(
    `handBack(${pick})`,
    (m) => m.attempts.length > 0,
    async (model, real) => {
      const a = any(model.attempts, pick);
      const call = callOf(model, a.id);
      if (isSettled(call) || (isNewest(model, a) && call.state !== 'active')) return;
      expect(await settle(real, a)).toBe(isNewest(model, a) ? 'done' : 'superseded');
      if (isNewest(model, a)) Object.assign(call, { state: 'waiting', runner: undefined });
    },
  );

const lose = (runner: string): Command =>
  command(
    `lose(${runner})`,
    () => true,
    async (model, { stage }) => {
      const moved = (await stage.store.release(runner)).map(({ callId }) => callId);
      const owned = [...model.calls].filter(([, call]) => call.state === 'active' && call.runner === runner);
      expect([...moved].sort()).toEqual(owned.map(([id]) => id).sort());
      for (const [, call] of owned) call.state = 'waiting';
    },
  );

const stall = (pick: number): Command =>
  command(
    `stall(${pick})`,
    (m) => m.attempts.length > 0,
    async (model, { stage }) => {
      const { id } = any(model.attempts, pick);
      await stage.loseLock(id);
      const back = await stage.reclaim();
      expect(back.includes(id)).toBe(callOf(model, id).state === 'active');
      for (const each of back) {
        expect(callOf(model, each).state).toBe('active');
        callOf(model, each).state = 'waiting';
      }
    },
  );

const renew = (pick: number): Command =>
  command(
    `renew(${pick})`,
    (m) => m.attempts.length > 0,
    async (model, { stage }) => {
      const a = any(model.attempts, pick);
      const call = callOf(model, a.id);
      if (isNewest(model, a) && !isSettled(call) && call.runner === undefined) return;
      const lease = { callId: a.id, attempt: a.attempt, generation: a.generation };
      const keeps = isNewest(model, a) && !isSettled(call);
      expect((await stage.store.renew(a.runner, [lease])).lost).toEqual(keeps ? [] : [a.id]);
      if (keeps) call.state = 'active';
    },
  );

const cancel = (pick: number): Command =>
  command(
    `cancel(${pick})`,
    (m) => m.calls.size > 0,
    async (model, { stage }) => {
      const [id, call] = any([...model.calls], pick);
      const head = { ...okHead, ok: false, kind: 'X', message: 'x' };
      const expected = { waiting: 'settled', active: 'active', completed: 'finished', failed: 'finished' }[call.state];
      expect(await stage.store.end(id, { generation: 0, head, body: Buffer.from('e') })).toBe(expected);
      if (call.state === 'waiting') Object.assign(call, { state: 'failed', runner: undefined });
    },
  );

const retryByHand = (pick: number): Command =>
  command(
    `retryByHand(${pick})`,
    (m) => m.calls.size > 0,
    async (model, { stage }) => {
      const [id, call] = any([...model.calls], pick);
      expect(await stage.store.retry(id)).toBe(call.state === 'failed' ? 'retried' : 'not-failed');
      if (call.state !== 'failed') return;
      const again = { generation: call.generation + 1, before: call.attempts, back: 0, losses: 0 };
      Object.assign(call, { ...again, state: 'waiting', runner: undefined });
    },
  );

const runner = fc.constantFrom(...RUNNERS);
const pick = fc.nat(30);
const commands = [
  fc.constant(accept()),
  fc.constant(accept()),
  runner.map(pickUp),
  runner.map(pickUp),
  runner.map(offer),
  runner.map(offer),
  runner.map(arrive),
  runner.map(arrive),
  pick.map(withdraw),
  pick.map(losePush),
  fc.tuple(runner, pick).map(([by, which]) => forgePush(by, which)),
  runner.map(putBackStrays),
  pick.map(commit),
  pick.map(commit),
  pick.map(handBack),
  runner.map(lose),
  pick.map(stall),
  pick.map(renew),
  pick.map(cancel),
  pick.map(retryByHand),
];

describe.each([
  ['Redis', redisStages, 1],
  ['memory', memoryStages, 5],
])('over %s', (_where, open, times) => {
  let all: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    all = await open();
  });
  afterAll(() => all.stop());
  const stages: Stage[] = [];
  afterEach(async () => {
    for (const stage of stages.splice(0)) await stage.stop();
  });

  test('R-01 P13 F16 random histories of calls agree with the model, and each generation is announced once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: 'max' }), async (history) => {
        const stage = await all.stage();
        const runners = new Map<string, { offers: Offers; heard: readonly unknown[]; read: number }>();
        for (const id of RUNNERS)
          runners.set(id, { offers: createOffers(() => undefined), heard: await stage.listen(id), read: 0 });
        try {
          const model: Model = { calls: new Map(), attempts: [], free: [], pushes: [] };
          await fc.asyncModelRun(() => ({ model, real: { stage, runners } }), history);
          const told = await stage.told('me');
          expect(new Set(told).size).toBe(told.length);
          for (const [id, call] of model.calls)
            if (isSettled(call)) expect(told.filter((line) => line.startsWith(`${id} 1 `)).length).toBe(1);
        } finally {
          for (const { offers } of runners.values()) offers.stop();
          await stage.stop();
        }
      }),
      {
        numRuns: times * bySize({ push: 50, nightly: 1_000 }),
        ...(process.env.FLAME_SEED && { seed: Number(process.env.FLAME_SEED) }),
      },
    );
  }, 900_000);

  test('P13 whatever the order of commits, losses and a cancel of two attempts, there is one winner', async () => {
    const steps = ['commit 1', 'commit 2', 'lose 1', 'lose 2', 'cancel'] as const;
    const orders = fc.shuffledSubarray([...steps], { minLength: 3 });
    await fc.assert(
      fc.asyncProperty(orders, async (order) => {
        const stage = await all.stage();
        stages.push(stage);
        const { store } = stage;
        const call = { ...plainCall(), waiter: 'me' };
        await store.accept([call]);
        const real: Real = { stage, runners: new Map() };
        const attemptBy = async (runnerId: string): Promise<Attempt> => {
          const [taken] = (await store.take({ runnerId, release: 'r1' }, plain(1))).calls;
          return { id: call.id, attempt: taken?.attempt ?? 0, generation: 1, runner: runnerId };
        };
        const first = await attemptBy('r1');
        await store.release('r1');
        const second = await attemptBy('r2');
        for (const step of order) {
          if (step === 'commit 1') await settle(real, first, 'one');
          if (step === 'commit 2') await settle(real, second, 'two');
          if (step === 'lose 1') await store.release('r1');
          if (step === 'lose 2') await store.release('r2');
          if (step === 'cancel') {
            const head = { ...okHead, ok: false, kind: 'X', message: 'x' };
            await store.end(call.id, { generation: 0, head, body: Buffer.from('cancelled') });
          }
        }
        const body = (await store.body(call.id))?.toString();
        expect(body).not.toBe('one');
        expect(await stage.told('me')).toHaveLength(body === undefined ? 0 : 1);
        if (order.includes('commit 2')) expect(body).toBeDefined();
      }),
      { numRuns: bySize({ push: 60, nightly: 500 }) },
    );
  });
});
