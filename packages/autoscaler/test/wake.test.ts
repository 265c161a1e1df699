import type { Backend } from '@flamejs/queue';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createHousekeeper } from '../src/housekeeper.ts';
import { createLeader } from '../src/leader.ts';
import { createLister } from '../src/observe/listing.ts';
import { createScheduleKeeper } from '../src/schedule-keeper.ts';
import { memoryStore, memoryWorld } from '../src/store/memory-store.ts';
import { createWaker } from '../src/wake.ts';
import { virtualClock } from './model/virtual-clock.ts';

const log = pino({ level: 'silent' });

const startWaker = () => {
  const clock = virtualClock();
  const ticks: { at: number; pools: string[]; cachedList: boolean }[] = [];
  const began = clock.mono();
  const waker = createWaker({
    clock,
    pools: ['a', 'b'],
    every: (pool) => (pool === 'a' ? 10_000 : 1_000),
    tick: async (pools, cachedList) => {
      ticks.push({ at: clock.mono() - began, pools: [...pools].sort(), cachedList });
      return new Set();
    },
  });
  return { clock, waker, ticks };
};

test('the first kick acts at once, then at most one each 250 ms, and none is forgotten', async () => {
  const { clock, waker, ticks } = startWaker();
  waker.start();
  await clock.advance(100);
  expect(ticks).toEqual([{ at: 0, pools: ['a', 'b'], cachedList: false }]);
  for (let i = 0; i < 100; i += 1) {
    waker.kick('a', true);
    await clock.advance(5);
  }
  await clock.advance(300);
  const kicks = ticks.filter(({ pools }) => pools.length === 1 && pools[0] === 'a');
  expect(kicks.map(({ at }) => at)).toEqual([100, 350, 600]);
  expect(kicks.every(({ cachedList }) => cachedList)).toBe(true);
  await waker.stop();
});

test('a kick of one pool ticks that pool only; one about an instance asks for a fresh list', async () => {
  const { clock, waker, ticks } = startWaker();
  waker.start();
  await clock.advance(10);
  waker.kick('a', true);
  waker.kick('a', false);
  await clock.advance(10);
  expect(ticks.at(-1)).toMatchObject({ pools: ['a'], cachedList: false });
  await waker.stop();
  const count = ticks.length;
  waker.kick('a', true);
  await clock.advance(60_000);
  expect(ticks).toHaveLength(count);
});

test('each pool ticks in its own time', async () => {
  const { clock, waker, ticks } = startWaker();
  waker.start();
  await clock.advance(60_000);
  const of = (pool: string) => ticks.filter(({ pools }) => pools.includes(pool)).length;
  expect(of('a')).toBeGreaterThanOrEqual(6);
  expect(of('a')).toBeLessThanOrEqual(8);
  expect(of('b')).toBeGreaterThanOrEqual(54);
  await waker.stop();
});

test('C-17: schedules are run at their moments, whatever one of the pools does', async () => {
  const clock = virtualClock();
  const began = clock.mono();
  const runs: number[] = [];
  const woken: string[] = [];
  const castScheduled = async (pool: string) => {
    if (pool === 'bad') throw new Error('always');
    const at = clock.mono() - began;
    runs.push(at);
    // A moment each 700 ms.
    const due = runs.length > 1 && Math.floor(at / 700) > Math.floor((runs.at(-2) ?? 0) / 700);
    return { cast: due ? [`call at ${at}`] : [], nextInMs: 700 - (at % 700) };
  };
  let leading = true;
  const keeper = createScheduleKeeper({
    clock,
    log,
    pools: ['bad', 'good'],
    housekeepingOf: (pool) => ({ castScheduled: () => castScheduled(pool) }) as never,
    leads: () => leading,
    wake: (pool) => woken.push(pool),
  });
  keeper.start();
  await clock.advance(7_050);
  expect(runs.filter((at) => at % 700 === 0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => (n + 1) * 700));
  expect(new Set(woken)).toEqual(new Set(['good']));
  leading = false;
  const before = runs.length;
  await clock.advance(5_000);
  expect(runs.length).toBe(before);
  await keeper.stop();
});

test('housekeeping waits one lock after a reconnect with stalled checks, goes on after an error, and only leads', async () => {
  const clock = virtualClock();
  const done: string[] = [];
  const woken: string[] = [];
  let connectedAt = clock.mono();
  let leading = true;
  const housekeeper = createHousekeeper({
    clock,
    log,
    pools: ['a'],
    housekeepingOf: () => ({
      recoverStalled: async () => {
        done.push('stalled');
        return ['x'];
      },
      releaseRunner: async () => [],
      sweepLimits: async () => ({ freed: 0, admitted: 0 }),
      promoteDelayed: async () => {
        done.push('promote');
        throw new Error('once');
      },
      castScheduled: async () => ({ cast: [], nextInMs: undefined }),
      expire: async () => void done.push('expire') as unknown as number,
      sweep: async () => void done.push('sweep') as unknown as number,
    }),
    connectedAt: () => connectedAt,
    leads: () => leading,
    wake: (pool) => woken.push(pool),
  });
  housekeeper.start();
  await clock.advance(4_500);
  expect(done).toEqual(['promote', 'expire', 'promote', 'expire']);
  await clock.advance(2_000);
  expect(done.slice(4)).toEqual(['stalled', 'promote', 'expire']);
  expect(woken).toEqual(['a']);
  connectedAt = clock.mono();
  await clock.advance(2_000);
  expect(done.slice(7)).toEqual(['promote', 'expire']);
  leading = false;
  await clock.advance(60_000);
  expect(done).toHaveLength(9);
  leading = true;
  await clock.advance(60_000);
  expect(done).toContain('sweep');
  await housekeeper.stop();
});

test('P21 a leader that cannot renew stops leading by its own clock before its lease can be taken', async () => {
  const clock = virtualClock();
  const world = memoryWorld(() => clock.mono());
  const store = memoryStore(world);
  let reachable = true;
  const cut = new Proxy(store, {
    get: (target, name, receiver) =>
      reachable ? Reflect.get(target, name, receiver) : () => Promise.reject(new Error('down')),
  });
  const one = createLeader({ store: cut, clock, log, holder: 'one', leaseMs: 15_000 });
  const two = createLeader({ store, clock, log, holder: 'two', leaseMs: 15_000 });
  const term = await one.keep();
  expect(term?.leads()).toBe(true);
  expect(await two.keep()).toBeNull();
  reachable = false;
  await clock.advance(14_999);
  await one.keep();
  expect(term?.leads()).toBe(true);
  expect(await two.keep()).toBeNull();
  await clock.advance(1);
  expect(term?.leads()).toBe(false);
  expect((await two.keep())?.epoch).toBe((term?.epoch ?? 0) + 1);
});

test('one list serves all pools of a tick; after a failure an old list never passes for a new one', async () => {
  const clock = virtualClock();
  let calls = 0;
  let fail = false;
  const list: Backend['list'] = async () => {
    calls += 1;
    if (fail) throw new Error('throttled');
    return [];
  };
  const backend = { name: 'b', list } as unknown as Backend;
  const lister = createLister({ backend, app: 'a', owner: 'aaaaaa', clock, timeoutMs: 1_000 });
  const [first, second] = await Promise.all([lister.get(0), lister.get(0)]);
  expect(calls).toBe(1);
  expect(first).toBe(second);
  await clock.advance(500);
  expect(await lister.get(1_000)).toBe(first);
  fail = true;
  expect(await lister.get(0)).toBeNull();
  expect(lister.error()).toBe('throttled');
  expect(await lister.get(60_000)).toBeNull();
  fail = false;
  expect((await lister.get(0))?.seq).toBe(2);
});
