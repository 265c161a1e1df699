/** Reads the reply of the observing script. */
import { parseOrder, parseRunnerRecord } from '@flamejs/protocol';
import type { PoolSnapshot } from './store.ts';

type Reply = readonly [
  now: string,
  paused: number,
  waiting: number,
  prioritized: number,
  active: number,
  dueSoon: number,
  oldestSince: string,
  agents: readonly (readonly [id: string, fields: readonly string[]])[],
  settings: readonly string[],
  orders: readonly string[],
  releases: readonly (readonly [release: string, firstAt: string, calledAt: string, parked: number])[],
];

export const parseSnapshot = (pool: string, reply: unknown): PoolSnapshot => {
  const [now, paused, waiting, prioritized, active, dueSoon, oldest, agents, settings, orders, releases] =
    reply as Reply;
  return {
    now: Number(now),
    paused: paused === 1,
    waiting,
    prioritized,
    active,
    dueSoon,
    oldestWaitAt: oldest === '' ? null : Number(oldest),
    agents: agents.map(([id, fields]) => parseRunnerRecord(pool, id, pairs(fields))),
    settings: pairs(settings),
    orders: Object.entries(pairs(orders)).flatMap(([runnerId, text]) => parseOrder(runnerId, text) ?? []),
    releases: releases.map(([release, firstAt, calledAt, parked]) => ({
      release,
      firstAt: Number(firstAt),
      calledAt: Number(calledAt),
      parked,
    })),
  };
};

const pairs = (flat: readonly string[]): Record<string, string> => {
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) record[flat[i] ?? ''] = flat[i + 1] ?? '';
  return record;
};
