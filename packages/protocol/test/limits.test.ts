/** Limits where they hold: at accept, pick-up and settle, whatever else is done to a call. */
import { Queue } from 'bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { callBackendFactory } from '../src/call-backend-factory.ts';
import { runScript } from '../src/connect.ts';
import { decideExpiry } from '../src/expiry.ts';
import { expiryError } from '../src/expiry-error.ts';
import { explainWaiting } from '../src/explain.ts';
import { beat } from '../src/heartbeat.ts';
import { inspectCall } from '../src/inspection.ts';
import { sweepLimits } from '../src/limit-sweep.ts';
import { type CallLimit, describeLimits, gateOf } from '../src/limits.ts';
import type { AcceptedCall } from '../src/store/call-store.ts';
import { settleWaiting } from '../src/store/redis-outcomes.ts';
import { finish, keys, move, okHead, POOL, type PoolFixture, plainCall, startPool } from './support.ts';

let pool: PoolFixture;
let queue: Queue;
beforeAll(async () => {
  pool = await startPool();
  queue = new Queue(
    POOL,
    { connection: pool.client as never, prefix: keys.base, skipVersionCheck: true },
    callBackendFactory({ client: pool.client }) as never,
  );
  queue.on('error', () => undefined);
});
afterAll(async () => {
  await queue.close();
  await pool.stop();
});
beforeEach(() => pool.client.flushall());

const under = (key: string | undefined, concurrency: number, name = 'openai'): CallLimit => ({
  name,
  index: 0,
  concurrency,
  rate: undefined,
  key,
});

const accept = (limits: readonly CallLimit[], changes: Partial<AcceptedCall> = {}): Promise<string> =>
  pool.accept({ limits: describeLimits('resize', limits), ...changes });

const gate = (key: string | undefined, name = 'openai'): string => gateOf('resize', under(key, 1, name));
const placesOf = (key?: string, name?: string): Promise<string[]> =>
  pool.client.zrange(`${keys.base}:places:${gate(key, name)}`, '0', '-1');
const heldOf = async (key?: string, name?: string): Promise<string[]> =>
  (await pool.client.zrange(`${keys.base}:held:${gate(key, name)}`, '0', '-1')).map((member) => member.slice(39));
const waiting = async (): Promise<string[]> => (await pool.client.lrange(`${keys.queue}wait`, '0', '-1')).reverse();
const delayed = (): Promise<string[]> => pool.client.zrange(`${keys.queue}delayed`, '0', '-1');

const take = async (runner = 'r1') => {
  const taken = await pool.pickUp(runner);
  if (taken === undefined) throw new Error('nothing to pick up');
  return taken;
};
const end = async ({ id, attempt }: { id: string; attempt: number }, runner = 'r1') =>
  expect(await finish(pool, id, attempt, runner)).toBe('done');

const leavesNothing = async (): Promise<void> => {
  const left = (await pool.client.keys('*')).filter((name) => /:(places|held):|:gates$/.test(name));
  expect(left).toEqual([]);
};

describe('concurrency', () => {
  test('L-01: no more calls begin than the limit allows; the rest is held, and each end admits the next in its order', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.push(await accept([under(undefined, 2)]));
    expect(await waiting()).toEqual(ids.slice(0, 2));
    expect(await heldOf()).toEqual(ids.slice(2));
    expect((await delayed()).sort()).toEqual(ids.slice(2).sort());
    const [a, b] = [await take(), await take()];
    expect(await pool.pickUp('r1')).toBeUndefined();
    await end(b);
    const c = await take();
    expect(c.id).toBe(ids[2]);
    expect(c.attempt).toBe(1);
    await end(a);
    await end(c);
    for (let i = 0; i < 2; i += 1) await end(await take());
    await leavesNothing();
  });

  test('L-01: keys have places of their own, and calls without a limit are held up by none', async () => {
    const [a, b, a2] = [await accept([under('a', 1)]), await accept([under('b', 1)]), await accept([under('a', 1)])];
    const free = await pool.accept();
    expect(await waiting()).toEqual([a, b, free]);
    expect(await heldOf('a')).toEqual([a2]);
    expect(await placesOf('b')).toEqual([b]);
  });

  test('L-01: two limits are taken together or not at all; waiting for one holds up nobody at the other', async () => {
    const tenant = (key: string) => [under(undefined, 2, 'all'), under(key, 1, 'tenant')];
    const first = await accept(tenant('a'));
    const second = await accept(tenant('a'));
    const other = await accept(tenant('b'));
    expect(await waiting()).toEqual([first, other]);
    expect(await placesOf(undefined, 'all')).toEqual([first, other].sort());
    expect(await heldOf('a', 'tenant')).toEqual([second]);
    const third = await accept(tenant('c'));
    expect(await heldOf(undefined, 'all')).toEqual([third]);
    const taken = await take();
    expect(taken.id).toBe(first);
    await end(taken);
    // Both are next somewhere: the one that was accepted first has the place that both need.
    expect([...(await placesOf(undefined, 'all'))].length).toBe(2);
    for (let i = 0; i < 3; i += 1) await end(await take());
    await leavesNothing();
  });

  test('L-02: a call accepted later takes no place while its key has held ones, and priority goes before age', async () => {
    const running = [await accept([under(undefined, 1)])];
    const low = await accept([under(undefined, 1)], { priority: 9 });
    const normal = await accept([under(undefined, 1)]);
    const high = await accept([under(undefined, 1)], { priority: 1 });
    expect(await heldOf()).toEqual([normal, high, low]);
    const taken = await take();
    expect(taken.id).toBe(running[0]);
    await end(taken);
    for (const expected of [normal, high, low]) {
      const next = await take();
      expect(next.id).toBe(expected);
      await end(next);
    }
  });

  test('L-02: nor does it overtake when a place has come free that nobody has given away yet', async () => {
    await accept([under(undefined, 1)]);
    const held = await accept([under(undefined, 1)]);
    await pool.client.hset(`${keys.base}:limits`, `set ${gate(undefined)}`, 2);
    const later = await accept([under(undefined, 1)]);
    expect(await heldOf()).toEqual([held, later]);
  });

  test('L-02: what is admitted goes before a call that was accepted later, and behind one that was accepted before it', async () => {
    await accept([under('a', 1)]);
    const taken = await take();
    const old = await pool.accept();
    const held = await accept([under('a', 1)]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const young = await pool.accept();
    await end(taken);
    expect(await waiting()).toEqual([old, young, held]);
    const next = await take();
    expect(next.id).toBe(old);
    const again = await accept([under('a', 1)]);
    expect(await heldOf('a')).toEqual([again]);
    expect((await take()).id).toBe(young);
    await end(await take());
    expect(await waiting()).toEqual([again]);
  });
});

describe('what becomes of a place', () => {
  test('L-03: a lost runner and a hand-back keep it; backoff, parking and delay give it up in the same step', async () => {
    const id = await accept([under(undefined, 1)]);
    const next = await accept([under(undefined, 1)]);
    const first = await take();
    await move(pool, id, first.attempt, 'r1');
    expect(await placesOf()).toEqual([id]);
    const second = await take();
    expect(second.id).toBe(id);
    await pool.client.del(`${keys.queue}${id}:lock`);
    await runScript(pool.client, 'flameReleaseRunner', [keys.queue, 'r1']);
    expect(await placesOf()).toEqual([id]);
    const third = await take();
    await move(pool, id, third.attempt, 'r1', { kind: 'retry', delayMs: 60_000 });
    expect(await placesOf()).toEqual([next]);
    expect(await waiting()).toEqual([next]);
  });

  test('L-03: when its rest is over it is the next of its key', async () => {
    const id = await accept([under(undefined, 1)]);
    const [b, c] = [await accept([under(undefined, 1)]), await accept([under(undefined, 1)])];
    const first = await take();
    await move(pool, id, first.attempt, 'r1', { kind: 'retry', delayMs: 1 });
    const running = await take();
    expect(running.id).toBe(b);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await pool.pickUp('r1')).toBeUndefined();
    expect(await heldOf()).toEqual([id, c]);
    await end(running);
    const again = await take();
    expect(again.id).toBe(id);
    // Being held was no pick-up.
    expect(again.attempt).toBe(2);
  });

  test('L-03: a cancelled, an expired and a removed call give theirs up, and a held one its turn', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 4; i += 1) ids.push(await accept([under(undefined, 1)]));
    const [a = '', b = '', c = '', d = ''] = ids;
    const verdict = { generation: 0, head: { ...okHead, ok: false, kind: 'X', message: 'x' }, body: Buffer.from('e') };
    expect(await settleWaiting(pool.client, keys, a, verdict)).toBe('settled');
    expect(await placesOf()).toEqual([b]);
    expect(await settleWaiting(pool.client, keys, c, verdict)).toBe('settled');
    expect(await heldOf()).toEqual([d]);
    await (await queue.getJob(b))?.remove();
    expect(await placesOf()).toEqual([d]);
    await (await queue.getJob(d))?.remove();
    await leavesNothing();
  });

  test('L-03: what has begun is not removed, wherever it stands, and says so', async () => {
    const id = await accept([under(undefined, 1)]);
    const { attempt } = await take();
    await move(pool, id, attempt, 'r1');
    expect(await waiting()).toEqual([id]);
    await expect((await queue.getJob(id))?.remove()).rejects.toThrow(/could not be removed|locked/);
    expect(await placesOf()).toEqual([id]);
    await end(await take());
    await (await queue.getJob(id))?.remove();
    expect(await pool.client.exists(`${keys.queue}${id}`)).toBe(0);
  });

  test('L-03: a retry by hand asks anew', async () => {
    const id = await accept([under(undefined, 1)]);
    const { attempt } = await take();
    const head = { ...okHead, ok: false, kind: 'Error', message: 'no' };
    await pool.settle('r1', {
      callId: id,
      attempt,
      generation: 1,
      kind: 'settle',
      outcome: { head, body: Buffer.from('e') },
      reason: 'no',
    });
    const other = await accept([under(undefined, 1)]);
    const later = await accept([under(undefined, 1)]);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await pool.backend.retryFinishedJob({ id, opts: {} } as never, 'failed');
    expect((await take()).id).toBe(other);
    expect(await pool.pickUp('r1')).toBeUndefined();
    expect(await heldOf()).toEqual([later, id]);
  });

  test('L-04: a release that cannot be carried out does not fail its step, and the sweep makes up for it', async () => {
    await accept([under(undefined, 1)]);
    const next = await accept([under(undefined, 1)]);
    const taken = await take();
    // Not what it should be: every command on it fails.
    await pool.client.set(`${keys.base}:held:${gate(undefined)}.x`, '');
    const heldKey = `${keys.base}:held:${gate(undefined)}`;
    const members = await pool.client.zrange(heldKey, '0', '-1');
    await pool.client.set(heldKey, 'damaged');
    await end(taken);
    expect(await pool.client.zscore(`${keys.queue}completed`, taken.id)).not.toBeNull();
    await pool.client.del(heldKey);
    for (const member of members) await pool.client.zadd(heldKey, 0, member);
    await sweepLimits(pool.client, keys);
    expect((await take()).id).toBe(next);
  });
});

describe("BullMQ's own operations on held calls", () => {
  const three = async (): Promise<readonly [string, string, string]> => [
    await accept([under(undefined, 1)]),
    await accept([under(undefined, 1)]),
    await accept([under(undefined, 1)]),
  ];

  test('L-05: they are seen as delayed: counts, lists, states', async () => {
    const [, b] = await three();
    expect(await queue.getJobCounts('wait', 'delayed')).toEqual({ wait: 1, delayed: 2 });
    expect((await queue.getJobs(['delayed'])).map(({ id }) => id)).toContain(b);
    expect(await (await queue.getJob(b))?.getState()).toBe('delayed');
  });

  test('L-05: promoting one brings it to the gate, which holds it again, at no cost for it', async () => {
    const [a, b, c] = await three();
    await (await queue.getJob(c))?.promote();
    expect(await waiting()).toEqual([a, c]);
    const taken = await take();
    expect(await pool.pickUp('r1')).toBeUndefined();
    expect(await heldOf()).toEqual([b, c]);
    await end(taken);
    for (const id of [b, c]) {
      const next = await take();
      expect([next.id, next.attempt, next.pickUp?.runnerLosses]).toEqual([id, 1, 0]);
      await end(next);
    }
    await leavesNothing();
  });

  test('L-05: many that are promoted at once are held again by several pick-ups, and none is lost', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 450; i += 1) ids.push(await accept([under(undefined, 1)]));
    await queue.promoteJobs();
    const first = await take();
    for (let i = 0; i < 4; i += 1) expect(await pool.pickUp('r1')).toBeUndefined();
    expect((await heldOf()).length).toBe(449);
    await end(first);
    expect((await take()).id).toBe(ids[1]);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['clean', () => queue.clean(0, 1_000, 'delayed')],
    ['drain', () => queue.drain(true)],
    ['obliterate', () => queue.obliterate({ force: true })],
  ])('L-05: what %s removes leaves neither a place nor an entry for longer than a sweep', async (_, operation) => {
    await three();
    await operation();
    await pool.client.del(`${keys.base}:limits-swept`);
    await sweepLimits(pool.client, keys);
    const next = await accept([under(undefined, 1)]);
    // What stood in the queue is left by `clean` of the delayed ones.
    if (!(await waiting()).includes(next)) await end(await take());
    expect((await take()).id).toBe(next);
  });

  test('L-05: another priority is another turn', async () => {
    const [, b, c] = await three();
    await (await queue.getJob(b))?.changePriority({ priority: 7 });
    expect(await heldOf()).toEqual([c, b]);
    await end(await take());
    expect((await take()).id).toBe(c);
  });
});

describe('numbers', () => {
  const most = (value: number) => pool.client.hset(`${keys.base}:limits`, `set ${gate(undefined)}`, value);

  test('L-06: a raise and a lowered number hold from the next step on; nothing that has begun is stopped', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 6; i += 1) ids.push(await accept([under(undefined, 2)]));
    const [a, b] = [await take(), await take()];
    await most(4);
    await sweepLimits(pool.client, keys);
    const [c, d] = [await take(), await take()];
    expect([c.id, d.id]).toEqual([ids[2], ids[3]]);
    await most(1);
    for (const call of [a, b, c]) {
      await end(call);
      expect(await pool.pickUp('r1')).toBeUndefined();
    }
    await end(d);
    expect((await take()).id).toBe(ids[4]);
    expect(await pool.pickUp('r1')).toBeUndefined();
  });

  test('L-06: 0 holds a key; a limit that nobody names any more holds nobody', async () => {
    await pool.client.hset(`${keys.base}:limits`, `set ${gate('t7')}`, 0, `who ${gate('t7')}`, 'ada');
    const id = await accept([under('t7', 5)]);
    expect(await heldOf('t7')).toEqual([id]);
    const call = await inspectCall(pool.client, keys, id);
    expect(explainWaiting(POOL, call, undefined)).toEqual({
      reason: 'limit',
      text: 'it waits for the limit "openai" of key "t7": 0 of 0 run (set by ada), 0 before it',
    });
    await pool.client.del(`${keys.base}:limits`);
    await sweepLimits(pool.client, keys);
    expect((await take()).id).toBe(id);
  });

  test('L-06: the newest release says the number, whichever calls last', async () => {
    const from = (release: string, concurrency: number) => accept([under('x', concurrency)], { release });
    await from('old', 1);
    await from('new', 3);
    await from('old', 1);
    await from('old', 1);
    expect((await placesOf('x')).length).toBe(3);
    expect((await heldOf('x')).length).toBe(1);
  });
});

describe('words and bounds', () => {
  test('L-07: status says which limit, of which key, how many run and how many are before it', async () => {
    for (let i = 0; i < 4; i += 1) await accept([under('tenant-7', 2)]);
    const [, last = ''] = await heldOf('tenant-7');
    const call = await inspectCall(pool.client, keys, last);
    expect(call).toMatchObject({ state: 'waiting', ahead: 1, held: { taken: 2, most: 2, moving: 2 } });
    expect(explainWaiting(POOL, call, undefined).text).toBe(
      'it waits for the limit "openai" of key "tenant-7": 2 of 2 run, 1 before it',
    );
  });

  test('L-07: queueTimeout counts while it is held; the default bound does not while a holder moves', async () => {
    await accept([under(undefined, 1)]);
    const id = await accept([under(undefined, 1)], { queueTimeoutMs: 5_000 });
    const call = { ...(await inspectCall(pool.client, keys, id)), waitedMs: 5_001 };
    expect(decideExpiry(call, undefined)).toEqual({ kind: 'queue-timeout', waitedMs: 5_001 });
    const late = { ...call, queueTimeoutMs: 0, waitedMs: 99_000 };
    expect(decideExpiry(late, bound(60_000)).kind).toBe('keep');
  });

  test('L-08: a ring of calls that await each other is no progress, and the error names it', async () => {
    const a = await accept([under('a', 1)]);
    const b = await accept([under('b', 1)]);
    for (const _ of [a, b]) await take();
    const child = await accept([under('b', 1)], { awaitedBy: a });
    await accept([under('a', 1)], { awaitedBy: b });
    await beat(pool.client, keys, 'r1', 0, {
      pool: POOL,
      state: 'ready',
      active: 2,
      slots: 2,
      served: 0,
      release: 'r1',
      host: '',
      pid: 1,
      ackedDrain: 0,
      reason: '',
    });
    const call = { ...(await inspectCall(pool.client, keys, child)), waitedMs: 61_000 };
    const decision = decideExpiry(call, bound(60_000));
    if (decision.kind !== 'no-progress') throw new Error(decision.kind);
    const error = expiryError(child, POOL, call, decision);
    expect(error.name).toBe('FlameQueueTimeoutError');
    expect(error.message).toContain(`each call that runs there (${b}) awaits a call that a limit holds in its turn`);
  });

  const bound = (limitMs: number) => ({ limitMs, watchedMs: Number.POSITIVE_INFINITY });
});

describe('what limits cost', () => {
  const commands = async (work: () => Promise<unknown>): Promise<number> => {
    const count = async (): Promise<number> =>
      [...(await pool.client.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g)]
        .filter(([, name]) => !/^(info|evalsha|eval|script\|?\w*)$/.test(name ?? ''))
        .reduce((sum, [, , calls]) => sum + Number(calls), 0);
    const before = await count();
    await work();
    return (await count()) - before;
  };
  const life = async (): Promise<void> => {
    await pool.accept();
    await end(await take());
  };

  test('L-09: a call without limits runs as many commands in a pool that has limits as in one that has none', async () => {
    await life();
    const without = await commands(life);
    await pool.client.flushall();
    await accept([under('a', 1)]);
    const running = await take();
    await accept([under('b', 1)]);
    await end(await take());
    await life();
    expect(await commands(life)).toBe(without);
    await end(running);
  });

  test('L-09: and no command of it is there for limits alone', async () => {
    const seen: string[][] = [];
    const monitor = await pool.redis.client().monitor();
    monitor.on('monitor', (_time: string, args: string[]) => seen.push(args));
    await life();
    await pool.client.ping();
    await waitFor(() => seen.some(([name]) => name?.toLowerCase() === 'ping'), { what: 'the last command' });
    monitor.disconnect();
    const inside = seen.filter(([name]) => !/^evalsha$/i.test(name ?? ''));
    expect(inside.length).toBeGreaterThan(30);
    const ofLimits = /:(places|held|gates|limits)|^f:(lim|held|keys|turn|asked)$/;
    for (const args of inside.filter((args) => args.some((arg) => ofLimits.test(arg)))) {
      expect([args[0]?.toLowerCase(), args.some((arg) => /^f:(gen|run)$/.test(arg))]).toEqual(['hmget', true]);
    }
  });

  test('L-10: however many keys there have been, none of them leaves anything', async () => {
    const many = bySize({ push: 500, nightly: 100_000 });
    for (let from = 0; from < many; from += 50) {
      const limits = (i: number) => describeLimits('resize', [under(`key ${from + i}`, 1)]);
      await pool.store.accept(
        Array.from({ length: 50 }, (_, i) => ({ ...plainCall(), maxPending: 1e9, limits: limits(i) })),
      );
      for (let i = 0; i < 50; i += 1) await end(await take());
    }
    await leavesNothing();
    expect(await pool.client.hlen(`${keys.base}:limits`)).toBe(4);
  }, 600_000);
});
