/**
 * The protocol of calls against a model of it: random histories of acceptances, pick-ups, ends, losses and cancellations on
 * a real Redis, and after each step the two must agree.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { runScript } from '../src/connect.ts';
import { settleWaiting } from '../src/store/redis-outcomes.ts';
import { finish, keys, move, okHead, type PoolFixture, plainCall, startPool } from './support.ts';

type State = 'waiting' | 'active' | 'completed' | 'failed';
interface ModelCall {
  state: State;
  attempts: number;
  generation: number;
  losses: number;
  /** Found at the next pick-up: nobody ended it in good order. */
  held: boolean;
}
interface Attempt {
  readonly id: string;
  readonly attempt: number;
  readonly generation: number;
  readonly runner: string;
}
interface Model {
  readonly calls: Map<string, ModelCall>;
  readonly attempts: Attempt[];
}
type Command = fc.AsyncCommand<Model, PoolFixture>;

let pool: PoolFixture;
beforeAll(async () => {
  pool = await startPool();
});
afterAll(() => pool.stop());

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

const agree = async (model: Model): Promise<void> => {
  const { client } = pool;
  const places: Readonly<Record<State, readonly string[]>> = {
    waiting: await client.lrange(`${keys.queue}wait`, '0', '-1'),
    active: await client.lrange(`${keys.queue}active`, '0', '-1'),
    completed: await client.zrange(`${keys.queue}completed`, '0', '-1'),
    failed: await client.zrange(`${keys.queue}failed`, '0', '-1'),
  };
  const expected = (state: State): string[] => [...model.calls].flatMap(([id, c]) => (c.state === state ? [id] : []));
  for (const state of ['waiting', 'active', 'completed', 'failed'] as const) {
    expect({ state, ids: [...places[state]].sort() }).toEqual({ state, ids: expected(state).sort() });
  }
  for (const [id, call] of model.calls) {
    const [gen, ats] = await client.hmget(`${keys.queue}${id}`, 'f:gen', 'ats');
    expect([Number(gen), Number(ats ?? 0)]).toEqual([call.generation, call.attempts]);
    expect((await client.hget(keys.outcome(id), 'gen')) === String(call.generation)).toBe(isSettled(call));
  }
};

const command = (name: string, check: (model: Model) => boolean, run: (model: Model) => Promise<void>): Command => ({
  check,
  async run(model) {
    await run(model);
    await agree(model);
  },
  toString: () => name,
});

const accept = (): Command =>
  command(
    'accept',
    (m) => m.calls.size < 6,
    async (model) => {
      const call = { ...plainCall(), waiter: 'me' };
      await pool.store.accept([call]);
      // A client that sends it again after a broken connection.
      await pool.store.accept([call]);
      model.calls.set(call.id, { state: 'waiting', attempts: 0, generation: 1, losses: 0, held: false });
    },
  );

const pickUp = (runner: string): Command =>
  command(
    `pickUp(${runner})`,
    () => true,
    async (model) => {
      const picked = await pool.pickUp(runner);
      const waiting = [...model.calls.values()].some((call) => call.state === 'waiting');
      expect(picked !== undefined).toBe(waiting);
      if (picked === undefined) return;
      const call = callOf(model, picked.id);
      expect(call.state).toBe('waiting');
      if (call.held) call.losses += 1;
      expect(picked.pickUp).toMatchObject({ generation: call.generation, runnerLosses: call.losses, settled: false });
      Object.assign(call, { state: 'active', attempts: call.attempts + 1, held: true });
      model.attempts.push({ id: picked.id, attempt: picked.attempt, generation: call.generation, runner });
    },
  );

const commit = (pick: number): Command =>
  command(
    `commit(${pick})`,
    (m) => m.attempts.length > 0,
    async (model) => {
      const a = any(model.attempts, pick);
      const call = callOf(model, a.id);
      const accepted = isNewest(model, a) && !isSettled(call) && (call.state === 'active' || call.held);
      // What no runner does: to finish what it has handed back.
      if (!accepted && isNewest(model, a) && !isSettled(call)) return;
      await finish(pool, a.id, a.attempt, a.runner, Buffer.from('42'), a.generation);
      await finish(pool, a.id, a.attempt, a.runner, Buffer.from('43'), a.generation);
      if (accepted) Object.assign(call, { state: 'completed', held: false });
    },
  );

const handBack = (pick: number): Command =>
  command(
    `handBack(${pick})`,
    (m) => m.attempts.length > 0,
    async (model) => {
      const a = any(model.attempts, pick);
      const call = callOf(model, a.id);
      if (isSettled(call) || (isNewest(model, a) && call.state !== 'active')) return;
      await move(pool, a.id, a.attempt, a.runner, { generation: a.generation });
      if (isNewest(model, a)) Object.assign(call, { state: 'waiting', held: false });
    },
  );

const lose = (runner: string): Command =>
  command(
    `lose(${runner})`,
    () => true,
    async (model) => {
      const moved = (await runScript(pool.client, 'flameReleaseRunner', [keys.queue, runner])) as string[];
      const owned = [...model.calls].filter(([id, call]) => {
        const newest = model.attempts.find((a) => a.id === id && isNewest(model, a));
        return call.state === 'active' && newest?.runner === runner;
      });
      expect([...moved].sort()).toEqual(owned.map(([id]) => id).sort());
      for (const [, call] of owned) call.state = 'waiting';
    },
  );

const stall = (pick: number): Command =>
  command(
    `stall(${pick})`,
    (m) => m.attempts.length > 0,
    async (model) => {
      await pool.client.del(`${keys.queue}${any(model.attempts, pick).id}:lock`);
      await pool.client.del(`${keys.queue}stalled-check`);
      await pool.backend.moveStalledJobsToWait();
      await pool.client.del(`${keys.queue}stalled-check`);
      for (const id of await pool.backend.moveStalledJobsToWait()) {
        expect(callOf(model, id).state).toBe('active');
        callOf(model, id).state = 'waiting';
      }
    },
  );

const renew = (pick: number): Command =>
  command(
    `renew(${pick})`,
    (m) => m.attempts.length > 0,
    async (model) => {
      const a = any(model.attempts, pick);
      const call = callOf(model, a.id);
      if (isNewest(model, a) && !isSettled(call) && !call.held) return;
      const args = [keys.queue, 60_000, a.id, a.attempt, a.generation, a.runner];
      const [lost] = (await runScript(pool.client, 'flameRenew', args)) as [string[]];
      const keeps = isNewest(model, a) && !isSettled(call);
      expect(lost).toEqual(keeps ? [] : [a.id]);
      if (keeps) call.state = 'active';
    },
  );

const cancel = (pick: number): Command =>
  command(
    `cancel(${pick})`,
    (m) => m.calls.size > 0,
    async (model) => {
      const [id, call] = any([...model.calls], pick);
      const verdict = {
        generation: 0,
        head: { ...okHead, ok: false, kind: 'X', message: 'x' },
        body: Buffer.from('e'),
      };
      const expected = { waiting: 'settled', active: 'active', completed: 'finished', failed: 'finished' }[call.state];
      expect(await settleWaiting(pool.client, keys, id, verdict)).toBe(expected);
      if (call.state === 'waiting') Object.assign(call, { state: 'failed', held: false });
    },
  );

const retryByHand = (pick: number): Command =>
  command(
    `retryByHand(${pick})`,
    (m) => [...m.calls.values()].some((c) => c.state === 'failed'),
    async (model) => {
      const [id, call] = any(
        [...model.calls].filter(([, c]) => c.state === 'failed'),
        pick,
      );
      await pool.backend.retryFinishedJob({ id, opts: {} } as never, 'failed');
      Object.assign(call, { state: 'waiting', generation: call.generation + 1, losses: 0, held: false });
    },
  );

const runner = fc.constantFrom('r1', 'r2', 'r3');
const pick = fc.nat(30);
const commands = [
  fc.constant(accept()),
  fc.constant(accept()),
  runner.map(pickUp),
  runner.map(pickUp),
  runner.map(pickUp),
  pick.map(commit),
  pick.map(commit),
  pick.map(handBack),
  runner.map(lose),
  pick.map(stall),
  pick.map(renew),
  pick.map(cancel),
  pick.map(retryByHand),
];

test('R-01 P13 F16 random histories of calls agree with the model, and each generation is announced once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 40 }), async (history) => {
      await pool.client.flushall();
      const model: Model = { calls: new Map(), attempts: [] };
      await fc.asyncModelRun(() => ({ model, real: pool }), history);
      const replies = await pool.client.xrange(keys.reply('me'), '-', '+');
      const told = replies.map(([, fields]) => fields.slice(0, 4).join(' '));
      expect(new Set(told).size).toBe(told.length);
    }),
    {
      numRuns: bySize({ push: 50, nightly: 2_000 }),
      ...(process.env.FLAME_SEED && { seed: Number(process.env.FLAME_SEED) }),
    },
  );
}, 600_000);

test('P13 whatever the order of commits, losses and a cancel of two attempts, there is one winner', async () => {
  const steps = ['commit 1', 'commit 2', 'lose 1', 'lose 2', 'cancel'] as const;
  const orders = fc.shuffledSubarray([...steps], { minLength: 3 });
  await fc.assert(
    fc.asyncProperty(orders, async (order) => {
      await pool.client.flushall();
      const id = await pool.accept({ waiter: 'me' });
      const first = await pool.pickUp('r1');
      await runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1']);
      const second = await pool.pickUp('r2');
      for (const step of order) {
        if (step === 'commit 1') await finish(pool, id, first?.attempt ?? 0, 'r1', Buffer.from('one'));
        if (step === 'commit 2') await finish(pool, id, second?.attempt ?? 0, 'r2', Buffer.from('two'));
        if (step.startsWith('lose')) {
          await runScript(pool.client, 'flameReleaseRunner', [keys.queue, step === 'lose 1' ? 'r1' : 'r2']);
        }
        if (step === 'cancel') {
          const head = { ...okHead, ok: false, kind: 'X', message: 'x' };
          await settleWaiting(pool.client, keys, id, { generation: 0, head, body: Buffer.from('cancelled') });
        }
      }
      const body = await pool.client.hget(keys.outcome(id), 'body');
      const announced = await pool.client.xlen(keys.reply('me'));
      expect(body).not.toBe('one');
      expect(announced).toBe(body === null ? 0 : 1);
      if (order.includes('commit 2')) expect(body).not.toBeNull();
    }),
    { numRuns: bySize({ push: 60, nightly: 500 }) },
  );
});

/** Everything that a call is made of, without clocks. */
const snapshot = async (id: string): Promise<unknown> => {
  const { client } = pool;
  const job = await client.hgetall(`${keys.queue}${id}`);
  const timeless = Object.fromEntries(Object.entries(job).filter(([field]) => !/since|On$|f:pz|timestamp/.test(field)));
  const lists = ['wait', 'active'].map((name) => client.lrange(`${keys.queue}${name}`, '0', '-1'));
  const sets = ['completed', 'failed', 'delayed'].map((name) => client.zrange(`${keys.queue}${name}`, '0', '-1'));
  const outcome = await client.hmget(keys.outcome(id), 'gen', 'head', 'body');
  return [timeless, await Promise.all(lists), await Promise.all(sets), outcome, await client.xlen(keys.reply('me'))];
};

test.each<[string, (id: string, attempt: number) => Promise<unknown>]>([
  ['finish', (id, attempt) => finish(pool, id, attempt, 'r1')],
  ['hand back', (id, attempt) => move(pool, id, attempt, 'r1')],
  ['delay', (id, attempt) => move(pool, id, attempt, 'r1', { delayMs: 60_000 })],
  ['retry', (id, attempt) => move(pool, id, attempt, 'r1', { kind: 'retry' })],
  [
    'park',
    (id, attempt) =>
      move(pool, id, attempt, 'r1', {
        kind: 'park',
        delayMs: 60_000,
        park: { wanted: 'r2', found: 'r1', why: 'strict' },
      }),
  ],
  ['release the runner', () => runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1'])],
  ['renew', (id, attempt) => runScript(pool.client, 'flameRenew', [keys.queue, 60_000, id, attempt, 1, 'r1'])],
  ['hand back at the cost of a budget', (id, attempt) => move(pool, id, attempt, 'r1', { count: 'f:kill' })],
  ['look up', (id) => runScript(pool.client, 'flameLookup', [keys.queue, id, 'me', 100])],
])('R-20 sent twice after a broken connection, "%s" does what it does once', async (_, step) => {
  await pool.client.flushall();
  const id = await pool.accept({ waiter: 'me' });
  const attempt = (await pool.pickUp('r1'))?.attempt ?? 0;
  const send = async (): Promise<void> => {
    await step(id, attempt).catch(() => undefined);
  };
  await send();
  const once = await snapshot(id);
  await send();
  expect(await snapshot(id)).toEqual(once);
});
