/** What a leader finds wrong is told once, also when another one takes over in the middle of it. */
import type { Alert } from '@flamejs/protocol';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { conditionsOf, createAlarms } from '../src/alarms.ts';
import { createLeader } from '../src/leader.ts';
import type { FullPoolStatus } from '../src/pool-status.ts';
import { memoryStore, memoryWorld } from '../src/store/memory-store.ts';

const fine = {
  pool: 'work',
  oldestWaitMs: 0,
  paused: false,
  wanted: 1,
  useful: 1,
  stuck: 0,
} as unknown as FullPoolStatus;

test('each thing that is wrong has a condition of its own; a paused pool has none for its queue', () => {
  const wrong = (change: object): readonly string[] =>
    conditionsOf({ ...fine, ...change } as FullPoolStatus, 1_000)
      .filter(({ text }) => text !== undefined)
      .map(({ name }) => name);
  expect(wrong({})).toEqual([]);
  expect(wrong({ oldestWaitMs: 1_001 })).toEqual(['calls-wait']);
  expect(wrong({ oldestWaitMs: 1_001, paused: true })).toEqual([]);
  expect(wrong({ unbootable: true, bootFailure: 'no such module', blocked: 'x', wanted: 3 })).toEqual([
    'runners-do-not-boot',
  ]);
  expect(wrong({ blocked: 'the quota is used up', wanted: 3 })).toEqual(['launches-blocked']);
  expect(wrong({ stuck: 1 })).toEqual(['machine-stuck']);
});

test('an alert is told once over two leaders, and its end by the one that leads then', async () => {
  let now = 0;
  const clock = { mono: () => now, after: () => () => undefined, random: () => 0.5 };
  const world = memoryWorld(() => now);
  const store = memoryStore(world);
  const log = pino({ level: 'silent' });
  const told: string[] = [];
  let status = { ...fine, oldestWaitMs: 5_000 };
  const start = async (holder: string) => {
    const leader = createLeader({ store, clock, log, holder, leaseMs: 1_000_000 });
    await leader.keep();
    const sender = {
      send: ({ name, state }: Alert) => void told.push(`${holder}: ${name} ${state}`),
      sendNow: async () => ({ on: undefined, webhook: undefined }),
      close: () => undefined,
    };
    const patience = { raiseAfterMs: 10_000, resolveAfterMs: 10_000 };
    const alarms = createAlarms({
      ...{ app: 'shop', store, clock, log, leader, sender, waitMs: 1_000, patience },
      statuses: () => ({ work: status }),
    });
    return { leader, alarms };
  };
  const pass = async (alarms: { look(): Promise<void> }, ms: number): Promise<void> => {
    for (const end = now + ms; now < end; now += 5_000) await alarms.look();
  };
  const first = await start('first');
  await pass(first.alarms, 30_000);
  expect(told).toEqual(['first: calls-wait raised']);
  await first.leader.release();
  const second = await start('second');
  await pass(first.alarms, 10_000);
  await pass(second.alarms, 30_000);
  status = fine;
  await pass(second.alarms, 30_000);
  expect(told).toEqual(['first: calls-wait raised', 'second: calls-wait resolved']);
  expect(world.alerts.size).toBe(0);
});
