/** The table of awaited calls: who is told what, once, and what holds the process. Without a server. */
import type { Outcome } from '@flamejs/protocol/outcome';
import { expect, test } from 'vitest';
import type { KeepAlive } from '../../src/client/keep-alive.ts';
import { createPendingCalls, FIRST_LOOK_MS, noteLook, type Settler } from '../../src/client/pending.ts';

const outcome = (generation: number) => ({ generation }) as Outcome;
const counted = () => {
  let held = 0;
  const alive: KeepAlive = {
    hold() {
      held += 1;
    },
    release() {
      held -= 1;
    },
  };
  return { alive, held: () => held };
};
const waiter = (change: Partial<Settler> = {}) => {
  const told: unknown[] = [];
  const settler: Settler = {
    resolve: (given) => void told.push(given),
    reject: (error) => void told.push(error),
    ...change,
  };
  return { settler, told };
};

test('everyone who waits for a call is told once, and then it is forgotten', () => {
  const { alive, held } = counted();
  const pending = createPendingCalls(alive);
  const [a, b, other] = [waiter(), waiter(), waiter()];
  const entry = pending.add('p.1', 'p', a.settler);
  expect(pending.add('p.1', 'p', b.settler)).toBe(entry);
  pending.add('q.1', 'q', other.settler);
  expect([pending.size, pending.count('p'), pending.count('q'), pending.count('r'), held()]).toEqual([2, 1, 1, 0, 3]);
  expect(pending.settle('p.1', outcome(1))).toBe(true);
  expect([a.told, b.told, other.told]).toEqual([[outcome(1)], [outcome(1)], []]);
  expect([pending.size, pending.count('p'), held()]).toEqual([1, 0, 1]);
  expect(pending.settle('p.1', outcome(1))).toBe(false);
  pending.fail('p.1', new Error('late'));
  expect(a.told).toHaveLength(1);
  expect([...pending.values()].map(({ callId }) => callId)).toEqual(['q.1']);
});

test('an outcome that one of those who wait cannot read is not said to be read', () => {
  const pending = createPendingCalls();
  pending.add('p.1', 'p', waiter().settler);
  pending.add('p.1', 'p', waiter({ resolve: () => false }).settler);
  expect(pending.settle('p.1', outcome(1))).toBe(false);
});

test('an outcome of an earlier generation is not for those who wait for a later one', () => {
  const pending = createPendingCalls();
  const a = waiter();
  const entry = pending.add('p.1', 'p', a.settler);
  noteLook(entry, { generation: 2, bounded: false });
  expect(entry.bounded).toBe(false);
  expect(pending.settle('p.1', outcome(1))).toBe(false);
  expect(a.told).toEqual([]);
  expect(pending.settle('p.1', outcome(2))).toBe(true);
});

test('whoever asks is told nothing before Redis has accepted the call, and then begins to wait', () => {
  const { alive, held } = counted();
  const pending = createPendingCalls(alive);
  const [asks, waits] = [waiter(), waiter()];
  const entry = pending.add('p.1', 'p', asks.settler, { asking: true });
  expect(pending.settle('p.1', outcome(1))).toBe(false);
  expect(entry).toMatchObject({ generation: 0, lookAt: Number.POSITIVE_INFINITY });
  pending.add('p.1', 'p', waits.settler);
  noteLook(entry, { generation: 3, bounded: true });
  entry.lookAt = 5;
  pending.settle('p.1', outcome(3));
  expect([asks.told, waits.told, pending.size, held()]).toEqual([[], [outcome(3)], 1, 1]);
  expect(entry).toMatchObject({ generation: 0, lookAt: Number.POSITIVE_INFINITY, settlers: [] });
  pending.accepted('p.1', waits.settler);
  expect(entry.settlers).toEqual([]);
  pending.accepted('p.1', asks.settler);
  expect([entry.settlers, entry.asking]).toEqual([[asks.settler], []]);
  pending.accepted('p.2', asks.settler);
  expect(pending.settle('p.1', outcome(1))).toBe(true);
  expect([asks.told, pending.size, held()]).toEqual([[outcome(1)], 0, 0]);
});

test('whoever leaves is not told, and the last one takes the entry along', () => {
  const { alive, held } = counted();
  const pending = createPendingCalls(alive);
  const [a, b, asks, stranger] = [waiter(), waiter(), waiter(), waiter()];
  pending.add('p.1', 'p', a.settler);
  pending.add('p.1', 'p', b.settler);
  pending.add('p.1', 'p', asks.settler, { asking: true });
  pending.remove('p.1', stranger.settler);
  pending.remove('p.2', a.settler);
  expect(held()).toBe(3);
  pending.remove('p.1', a.settler);
  pending.remove('p.1', asks.settler);
  pending.remove('p.1', a.settler);
  expect([held(), pending.size]).toEqual([1, 1]);
  pending.remove('p.1', b.settler);
  expect([held(), pending.size, pending.count('p')]).toEqual([0, 0, 0]);
  expect([...a.told, ...b.told, ...asks.told]).toEqual([]);
});

test('a failure tells all of one call, the end tells all of all, also those who ask', () => {
  const { alive, held } = counted();
  const pending = createPendingCalls(alive);
  const [a, b, asks] = [waiter(), waiter(), waiter()];
  pending.add('p.1', 'p', a.settler);
  pending.add('p.2', 'p', b.settler);
  pending.add('p.2', 'p', asks.settler, { asking: true });
  const gone = new Error('gone');
  pending.fail('p.1', gone);
  expect(a.told).toEqual([gone]);
  pending.failAll((callId) => `${callId} is over`);
  expect([b.told, asks.told, held(), pending.size, pending.count('p')]).toEqual([
    ['p.2 is over'],
    ['p.2 is over'],
    0,
    0,
    0,
  ]);
});

test('a wait in the background holds no process', () => {
  const { alive, held } = counted();
  const pending = createPendingCalls(alive);
  const quiet = waiter({ isBackground: true });
  pending.add('p.1', 'p', quiet.settler);
  pending.add('p.2', 'p', quiet.settler);
  expect(held()).toBe(0);
  pending.settle('p.1', outcome(1));
  pending.failAll(() => new Error());
  expect(held()).toBe(0);
});

test('of several who wait the shortest bound counts, and one that has a bound makes it bounded', () => {
  const pending = createPendingCalls();
  const add = (how: object) => pending.add('p.1', 'p', waiter().settler, how);
  const entry = add({});
  expect(entry).toMatchObject({
    stillLimitMs: undefined,
    bounded: false,
    lookEveryMs: FIRST_LOOK_MS,
    remakeAt: undefined,
  });
  add({ stillLimitMs: 500 });
  expect(entry.stillLimitMs).toBe(500);
  add({ stillLimitMs: 900, bounded: true });
  add({ stillLimitMs: undefined, bounded: false });
  expect(entry).toMatchObject({ stillLimitMs: 500, bounded: true });
  add({ stillLimitMs: 100 });
  expect(entry.stillLimitMs).toBe(100);
});
