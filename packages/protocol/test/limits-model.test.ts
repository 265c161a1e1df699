/**
 * Histories of calls under limits: whatever is done to them, and by whom, no key is ever above its limit when a call begins, no place
 * is lost or leaked, and nothing is held that could begin.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { runScript } from '../src/connect.ts';
import { beat } from '../src/heartbeat.ts';
import { sweepLimits } from '../src/limit-sweep.ts';
import { describeLimits, gatesOf } from '../src/limits.ts';
import { newOffer } from '../src/store/hand-over.ts';
import { settleWaiting } from '../src/store/redis-outcomes.ts';
import { finish, keys, move, okHead, POOL, type PoolFixture, plainCall, startPool } from './support.ts';

const FN = 'resize';
const LIMITS = {
  none: [],
  often: [
    { name: 'often', index: 0, concurrency: undefined, rate: { calls: 1, perMs: 8, smooth: false }, key: undefined },
  ],
  all: [{ name: 'all', index: 0, concurrency: 2, rate: undefined, key: undefined }],
  a: [{ name: 'tenant', index: 0, concurrency: 1, rate: undefined, key: 'a' }],
  b: [{ name: 'tenant', index: 0, concurrency: 1, rate: undefined, key: 'b' }],
  both: [
    { name: 'all', index: 0, concurrency: 2, rate: undefined, key: undefined },
    { name: 'tenant', index: 1, concurrency: 1, rate: undefined, key: 'a' },
  ],
} as const;
type Kind = keyof typeof LIMITS;
const DECLARED = { all: 2, tenant: 1, often: Number.POSITIVE_INFINITY } as const;

interface Attempt {
  readonly id: string;
  readonly attempt: number;
  readonly generation: number;
  readonly runner: string;
}
interface World {
  readonly kinds: Map<string, Kind>;
  readonly attempts: Attempt[];
  /** Attempts that run, by call: what has begun and neither ended nor gone back. */
  readonly running: Map<string, Attempt>;
  /** Lost: begun, back in the queue, and perhaps still running somewhere. */
  readonly lost: Set<string>;
  /** When calls of the rate have begun, Redis ms. */
  readonly often: number[];
  /** What was set by hand, by gate or limit hash. */
  readonly set: Map<string, number>;
  /** Something was done behind our back, or to the numbers: a sweep must follow before anything is said of places. */
  stale: boolean;
}
type Command = fc.AsyncCommand<World, PoolFixture>;

let pool: PoolFixture;
let listener: ReturnType<PoolFixture['redis']['client']>;
beforeAll(async () => {
  pool = await startPool();
  listener = pool.redis.client();
  // Its slot is offered under a number, and a call that is handed over is heard here.
  await listener.subscribe(keys.hand('handed'));
});
afterAll(async () => {
  listener.disconnect();
  await pool.stop();
});

const gates = (kind: Kind): readonly string[] => gatesOf(FN, LIMITS[kind]);
const OFTEN = gates('often')[0];
const ALL_GATES = [...new Set((Object.keys(LIMITS) as Kind[]).flatMap(gates))];
const limitOf = (gate: string): string => gate.split('.')[0] ?? '';
const nameOf = new Map(
  (['all', 'a', 'often'] as const).map((kind) => [limitOf(gates(kind)[0] ?? ''), LIMITS[kind][0].name]),
);

const mostOf = async (world: World, gate: string): Promise<number> => {
  const set = world.set.get(gate) ?? world.set.get(limitOf(gate));
  if (set !== undefined) return set;
  const declared = (await pool.client.hget(`${keys.base}:limits`, limitOf(gate))) !== null;
  return declared ? DECLARED[nameOf.get(limitOf(gate)) ?? 'all'] : Number.POSITIVE_INFINITY;
};

/** Begun, whether it runs or its runner was lost. */
const begunOf = (world: World, gate: string): string[] =>
  [...world.kinds].flatMap(([id, kind]) =>
    gates(kind).includes(gate) && (world.running.has(id) || world.lost.has(id)) ? [id] : [],
  );

const agree = async (world: World): Promise<void> => {
  const { client } = pool;
  const held: string[] = [];
  const delayed = await client.zrangebyscore(`${keys.queue}delayed`, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const queued = new Set([
    ...(await client.lrange(`${keys.queue}wait`, '0', '-1')),
    ...(await client.zrange(`${keys.queue}prioritized`, '0', '-1')),
    ...(await client.lrange(`${keys.queue}active`, '0', '-1')),
  ]);
  for (const gate of ALL_GATES) {
    const places = await client.zrange(`${keys.base}:places:${gate}`, '0', '-1');
    const waiting = (await client.zrange(`${keys.base}:held:${gate}`, '0', '-1')).map((member) => member.slice(39));
    held.push(...waiting);
    // What has begun has a place, and keeps it.
    for (const id of begunOf(world, gate)) expect(places).toContain(id);
    if (world.stale) continue;
    // A place belongs to a call that has begun or stands in the queue.
    for (const id of places) expect([id, queued.has(id) || world.lost.has(id)]).toEqual([id, true]);
    // Nothing is held that could begin: who waits for a token is due with it, or those that stand in the queue have them.
    const [first] = waiting;
    if (gate === OFTEN) {
      if (first === undefined || queued.has(first)) continue;
      const due = Number(await client.zscore(`${keys.queue}delayed`, first));
      const isAwaited = (await client.zcount(`${keys.base}:places:${gate}`, 0, 0)) > 0;
      expect([first, due < Number.MAX_SAFE_INTEGER || isAwaited]).toEqual([first, true]);
    } else if (waiting.length > 0) expect(places.length).toBeGreaterThanOrEqual(await mostOf(world, gate));
  }
  expect(new Set(held).size).toBe(held.length);
  if (!world.stale) {
    // A held call stands in both, unless it was promoted: then it stands in the queue and comes back.
    expect(delayed.filter((id) => !held.includes(id))).toEqual([]);
    for (const id of held.filter((id) => !queued.has(id)))
      expect([id, (await client.zscore(`${keys.queue}delayed`, id)) !== null]).toEqual([id, true]);
    const load = await client.zcard(`${keys.base}:gates`);
    let used = 0;
    for (const gate of ALL_GATES)
      used += (await client.exists(`${keys.base}:places:${gate}`, `${keys.base}:held:${gate}`)) > 0 ? 1 : 0;
    expect(load).toBe(used);
  }
};

const command = (name: string, run: (world: World) => Promise<void>): Command => ({
  check: () => true,
  async run(world) {
    await run(world);
    await agree(world);
  },
  toString: () => name,
});

/** A call begins: from here on no key of it may be above its limit. */
const begun = async (world: World, attempt: Attempt): Promise<void> => {
  const { id } = attempt;
  world.attempts.push(attempt);
  world.running.set(id, attempt);
  const again = world.lost.delete(id);
  if (world.kinds.get(id) === 'often') {
    world.often.push(Number(await pool.client.hget(`${keys.queue}${id}`, 'processedOn')));
    for (const from of world.often) {
      const within = world.often.filter((time) => time >= from && time < from + 8);
      expect(within.length).toBeLessThanOrEqual(1);
    }
  }
  for (const gate of gates(world.kinds.get(id) ?? 'none')) {
    // One that has its place already passes, although the limit was lowered.
    if (!again) expect(begunOf(world, gate).length).toBeLessThanOrEqual(await mostOf(world, gate));
  }
};

const callOf = (kind: Kind, changes: object) => ({
  ...plainCall(),
  limits: describeLimits(FN, LIMITS[kind]),
  ...changes,
});

const accept = (kind: Kind, priority: number, delayMs: number): Command =>
  command(`accept(${kind}, ${priority}, ${delayMs})`, async (world) => {
    if (world.kinds.size >= 12) return;
    const call = callOf(kind, { priority, delayMs });
    world.kinds.set(call.id, kind);
    await pool.store.accept([call]);
    // A client that sends it again after a broken connection.
    await pool.store.accept([call]);
  });

const handOver = (kind: Kind): Command =>
  command(`handOver(${kind})`, async (world) => {
    const number = newOffer();
    const by = { runnerId: 'handed', release: 'r1' };
    await beat(pool.client, keys, 'handed', 0, {
      ...{ pool: POOL, state: 'ready' as const, active: 0, slots: 1, served: 0, release: 'r1', host: '' },
      ...{ pid: 1, ackedDrain: 0, reason: '' },
    });
    const { calls } = await pool.store.take(by, { plain: 0, offer: [number], offered: [] });
    for (const { callId: id, attempt, pickUp } of calls)
      await begun(world, { id, attempt, generation: pickUp?.generation ?? 0, runner: 'handed' });
    if (calls.length > 0) return;
    const call = callOf(kind, {});
    world.kinds.set(call.id, kind);
    await pool.store.accept([call]);
    const [run, ats] = await pool.client.hmget(`${keys.queue}${call.id}`, 'f:run', 'ats');
    if (run === 'handed') await begun(world, { id: call.id, attempt: Number(ats), generation: 1, runner: 'handed' });
    await pool.store.withdraw(by, [number]);
  });

const pickUp = (runner: string): Command =>
  command(`pickUp(${runner})`, async (world) => {
    const taken = await pool.pickUp(runner);
    if (taken === undefined) return;
    await begun(world, { id: taken.id, attempt: taken.attempt, generation: taken.pickUp?.generation ?? 0, runner });
  });

const withAttempt = (name: string, pick: number, run: (world: World, a: Attempt) => Promise<void>): Command =>
  command(`${name}(${pick})`, async (world) => {
    const attempts = [...world.running.values()];
    const attempt = attempts[pick % attempts.length];
    if (attempt !== undefined) await run(world, attempt);
  });

const settled = (world: World, { id }: Attempt): void => {
  world.running.delete(id);
  world.lost.delete(id);
};

const end = (pick: number): Command =>
  withAttempt('end', pick, async (world, a) => {
    expect(await finish(pool, a.id, a.attempt, a.runner, Buffer.from('1'), a.generation)).toBe('done');
    expect(await finish(pool, a.id, a.attempt, a.runner, Buffer.from('2'), a.generation)).toBe('superseded');
    settled(world, a);
  });

/** With the step that takes the next call for the same slot. */
const endAndTake = (pick: number): Command =>
  withAttempt('endAndTake', pick, async (world, a) => {
    const outcome = { head: okHead, body: Buffer.from('1') };
    const verdict = {
      callId: a.id,
      attempt: a.attempt,
      generation: a.generation,
      kind: 'settle',
      outcome,
      reason: '',
    } as const;
    const [reply] = await pool.store.settle({ runnerId: a.runner, release: 'r1' }, [verdict], [true]);
    settled(world, a);
    if (reply?.next === undefined) return;
    const { callId: id, attempt, pickUp } = reply.next;
    await begun(world, { id, attempt, generation: pickUp?.generation ?? 0, runner: a.runner });
  });

const fail = (pick: number): Command =>
  withAttempt('fail', pick, async (world, a) => {
    const outcome = { head: { ...okHead, ok: false, kind: 'Error', message: 'no' }, body: Buffer.from('e') };
    await pool.settle(a.runner, {
      callId: a.id,
      attempt: a.attempt,
      generation: a.generation,
      kind: 'settle',
      outcome,
      reason: 'no',
    });
    settled(world, a);
  });

/** It keeps its place, and is begun again. */
const handBack = (pick: number): Command =>
  withAttempt('handBack', pick, async (world, a) => {
    await move(pool, a.id, a.attempt, a.runner, { generation: a.generation });
    world.running.delete(a.id);
    world.lost.add(a.id);
  });

const rest = (pick: number, kind: 'retry' | 'park', delayMs: number): Command =>
  withAttempt(`${kind} for ${delayMs}`, pick, async (world, a) => {
    const park = { wanted: 'r2', found: 'r1', why: 'strict' } as const;
    await move(pool, a.id, a.attempt, a.runner, {
      generation: a.generation,
      kind,
      delayMs,
      ...(kind === 'park' ? { park } : {}),
    });
    settled(world, a);
  });

const unpark = (): Command =>
  command('unpark', async (world) => {
    const taken = await pool.pickUp('other', 'r2');
    if (taken !== undefined)
      await begun(world, {
        id: taken.id,
        attempt: taken.attempt,
        generation: taken.pickUp?.generation ?? 0,
        runner: 'other',
      });
  });

const lose = (runner: string): Command =>
  command(`lose(${runner})`, async (world) => {
    await runScript(pool.client, 'flameReleaseRunner', [keys.queue, runner]);
    for (const attempt of [...world.running.values()])
      if (attempt.runner === runner) {
        world.running.delete(attempt.id);
        world.lost.add(attempt.id);
      }
  });

const cancel = (pick: number): Command =>
  command(`cancel(${pick})`, async (world) => {
    const ids = [...world.kinds.keys()];
    const id = ids[pick % ids.length];
    if (id === undefined) return;
    const head = { ...okHead, ok: false, kind: 'X', message: 'x' };
    const became = await settleWaiting(pool.client, keys, id, { generation: 0, head, body: Buffer.from('e') });
    if (became === 'settled') world.lost.delete(id);
  });

const byHand = (name: string, pick: number, run: (id: string) => Promise<unknown>): Command =>
  command(`${name}(${pick})`, async (world) => {
    const ids = [...world.kinds.keys()];
    const id = ids[pick % ids.length];
    // What cannot be done to a call in its state is refused.
    if (id !== undefined) await run(id).catch(() => undefined);
  });

const removeByHand = (pick: number): Command =>
  command(`remove(${pick})`, async (world) => {
    const ids = [...world.kinds.keys()];
    const id = ids[pick % ids.length];
    if (id === undefined) return;
    const isBegun = (world.running.has(id) || world.lost.has(id)) && gates(world.kinds.get(id) ?? 'none').length > 0;
    await pool.backend.remove(id, false).catch(() => undefined);
    const isGone = (await pool.client.exists(`${keys.queue}${id}`)) === 0;
    if (isBegun) expect(isGone).toBe(false);
    if (isGone) {
      world.kinds.delete(id);
      world.running.delete(id);
      world.lost.delete(id);
    }
  });

const forgetGone = async (world: World): Promise<void> => {
  for (const id of [...world.kinds.keys()])
    if ((await pool.client.exists(`${keys.queue}${id}`)) === 0) {
      world.kinds.delete(id);
      world.running.delete(id);
      world.lost.delete(id);
    }
  world.stale = true;
};

const behindOurBack = (name: string, run: () => Promise<unknown>): Command =>
  command(name, async (world) => {
    await run();
    await forgetGone(world);
  });

const setNumber = (name: string, value: number | undefined): Command =>
  command(`set(${name}, ${value})`, async (world) => {
    const [gate = ''] = gates(name === 'key' ? 'a' : 'all');
    const field = name === 'limit' ? limitOf(gate) : gate;
    if (value === undefined) {
      world.set.delete(field);
      await pool.client.hdel(`${keys.base}:limits`, `set ${field}`);
    } else {
      world.set.set(field, value);
      await pool.client.hset(`${keys.base}:limits`, `set ${field}`, value);
    }
    world.stale = true;
  });

/** No live release names it any more. */
const takeOut = (kind: 'all' | 'a'): Command =>
  command(`takeOut(${kind})`, async (world) => {
    await pool.client.hdel(`${keys.base}:limits`, limitOf(gates(kind)[0] ?? ''));
    world.stale = true;
  });

const sweep = (): Command =>
  command('sweep', async (world) => {
    // One for what is gone, one for what it held up at another gate.
    for (let i = 0; i < 2; i += 1) {
      await pool.client.del(`${keys.base}:limits-swept`);
      await sweepLimits(pool.client, keys);
    }
    world.stale = false;
  });

const pause = (): Command =>
  command('wait for what is due', async () => {
    await new Promise((resolve) => setTimeout(resolve, 3));
  });

const kind = fc.constantFrom<Kind>('none', 'often', 'often', 'all', 'a', 'b', 'both');
const runner = fc.constantFrom('r1', 'r2', 'r3');
const pick = fc.nat(30);
const commands = [
  fc.tuple(kind, fc.constantFrom(0, 0, 3), fc.constantFrom(0, 0, 0, 1, 60_000)).map((args) => accept(...args)),
  fc.tuple(kind, fc.constantFrom(0, 0, 3), fc.constant(0)).map((args) => accept(...args)),
  fc.tuple(kind, fc.constantFrom(0, 5), fc.constant(0)).map((args) => accept(...args)),
  kind.map(handOver),
  runner.map(pickUp),
  runner.map(pickUp),
  runner.map(pickUp),
  runner.map(pickUp),
  pick.map(end),
  pick.map(end),
  pick.map(endAndTake),
  pick.map(fail),
  pick.map(handBack),
  pick.map((at) => rest(at, 'retry', 0)),
  pick.map((at) => rest(at, 'retry', 1)),
  pick.map((at) => rest(at, 'park', 60_000)),
  fc.constant(unpark()),
  runner.map(lose),
  pick.map(cancel),
  pick.map((at) => byHand('promote', at, (id) => pool.backend.promote(id))),
  pick.map((at) => byHand('changePriority', at, (id) => pool.backend.changePriority(id, at % 3, false))),
  pick.map((at) =>
    byHand('retryByHand', at, (id) => pool.backend.retryFinishedJob({ id, opts: {} } as never, 'failed')),
  ),
  pick.map(removeByHand),
  fc.constant(behindOurBack('clean', () => pool.backend.cleanJobsByState('delayed', Date.now() + 1_000, 0))),
  fc.constant(behindOurBack('drain', () => pool.backend.drain(true))),
  fc.constantFrom(0, 1, 3, undefined).map((value) => setNumber('limit', value)),
  fc.constantFrom(0, 2, undefined).map((value) => setNumber('key', value)),
  fc.constantFrom<'all' | 'a'>('all', 'a').map(takeOut),
  fc.constant(sweep()),
  fc.constant(sweep()),
  fc.constant(pause()),
];

/** Everything that is left can be brought to its end, and then nothing of the limits is left. */
const drainAll = async (world: World): Promise<void> => {
  for (const field of world.set.keys()) await pool.client.hdel(`${keys.base}:limits`, `set ${field}`);
  world.set.clear();
  // What rests would be due some day.
  const now = Date.now() + 3_600_000;
  const resting = await pool.client.zrangebyscore(`${keys.queue}delayed`, 0, now * 4096);
  for (const id of resting) await pool.backend.promote(id);
  for (const r of ['r1', 'r2', 'r3', 'handed', 'other'])
    await runScript(pool.client, 'flameReleaseRunner', [keys.queue, r]);
  await sweep().run(world, pool);
  for (let i = 0; i < 200; i += 1) {
    const taken = await pool.pickUp('last', 'r2');
    if (taken === undefined) {
      if ((await pool.client.zcard(`${keys.queue}delayed`)) === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 3));
      continue;
    }
    await finish(pool, taken.id, taken.attempt, 'last', Buffer.from('1'), taken.pickUp?.generation ?? 0);
  }
  const left = (await pool.client.keys('*')).filter((name) => /:(places|held):|:gates$/.test(name));
  expect(left).toEqual([]);
  const unfinished = ['wait', 'active'].map((name) => pool.client.llen(`${keys.queue}${name}`));
  expect(await Promise.all(unfinished)).toEqual([0, 0]);
  expect(await pool.client.zcard(`${keys.queue}delayed`)).toBe(0);
};

test('L-11: random histories of calls under limits: never above one, no place lost or leaked, nothing held that could begin', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: 'max' }), async (history) => {
      await pool.client.flushall();
      const world: World = {
        ...{
          kinds: new Map(),
          attempts: [],
          running: new Map(),
          lost: new Set(),
          often: [],
          set: new Map(),
          stale: false,
        },
      };
      await fc.asyncModelRun(() => ({ model: world, real: pool }), history);
      world.running.clear();
      world.lost.clear();
      await drainAll(world);
    }),
    {
      numRuns: Number(process.env.RUNS ?? 0) || bySize({ push: 60, nightly: 3_000 }),
      ...(process.env.FLAME_SEED && { seed: Number(process.env.FLAME_SEED) }),
    },
  );
}, 600_000);
