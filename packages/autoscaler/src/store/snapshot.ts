/** Reads the reply of the observing script. */
import type { AgentState, RunnerRecord } from '@flamejs/queue/protocol';
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
    agents: agents.map(([id, fields]) => parseAgent(pool, id, pairs(fields))),
    settings: pairs(settings),
  };
};

export const parseAgent = (pool: string, runnerId: string, fields: Readonly<Record<string, string>>): RunnerRecord => {
  const number = (name: string): number => Number(fields[name] ?? 0) || 0;
  return {
    runnerId,
    pool,
    state: isAgentState(fields.state) ? fields.state : 'starting',
    active: number('active'),
    slots: number('slots'),
    idleSince: number('idleSince'),
    startedAt: number('startedAt'),
    readyAt: number('readyAt'),
    heartbeatAt: number('heartbeatAt'),
    release: fields.release ?? '',
    host: fields.host ?? '',
    pid: number('pid'),
    served: number('served'),
    ackedDrain: number('ackedDrain'),
    reason: fields.reason ?? '',
    drain: number('drain'),
    drainReason: fields.drainReason ?? '',
  };
};

const STATES: ReadonlySet<string> = new Set(['starting', 'ready', 'draining', 'drained', 'ended']);
const isAgentState = (value: string | undefined): value is AgentState => value !== undefined && STATES.has(value);

const pairs = (flat: readonly string[]): Record<string, string> => {
  const record: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) record[flat[i] ?? ''] = flat[i + 1] ?? '';
  return record;
};
