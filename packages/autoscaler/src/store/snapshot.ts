/** Reads the reply of the observing script. */
import { parseRunnerRecord } from '@flamejs/queue/protocol';
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
];

export const parseSnapshot = (pool: string, reply: unknown): PoolSnapshot => {
  const [now, paused, waiting, prioritized, active, dueSoon, oldest, agents, settings] = reply as Reply;
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
  };
};

const pairs = (flat: readonly string[]): Record<string, string> => {
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) record[flat[i] ?? ''] = flat[i + 1] ?? '';
  return record;
};
