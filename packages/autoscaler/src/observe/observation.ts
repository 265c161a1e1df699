/** From one look at a pool to what its policy sees. Pure. */

import type { RunnerRecord } from '@flamejs/protocol';
import type { PoolObservation, RunnerView } from '@flamejs/queue';
import type { IntentRecord } from '../record/intent.ts';
import type { PoolSnapshot } from '../store/store.ts';
import { bootTimeMs, type Measures } from './measures.ts';

export interface Seen {
  readonly now: number;
  readonly snapshot: PoolSnapshot;
  readonly records: readonly IntentRecord[];
  readonly external: readonly RunnerRecord[];
  readonly measures: Measures;
  /** Of which runners are launched: only calls that wait for these count, for others nobody would come. */
  readonly release: string;
}

export const observationOf = ({ now, snapshot, records, external, measures, release }: Seen): PoolObservation => {
  const agents = new Map(snapshot.agents.map((agent) => [agent.runnerId, agent]));
  const runners = records.map((record) => viewOf(record, agents.get(record.runnerId), snapshot.now, now));
  const activeIn = (states: readonly string[]): number =>
    runners.filter(({ state }) => states.includes(state)).reduce((sum, { active }) => sum + active, 0);
  // Calls on runners that are leaving finish there: they need no slot elsewhere.
  const leaving = activeIn(['draining']);
  const serving = activeIn(['booting', 'ready']) + external.reduce((sum, agent) => sum + agent.active, 0);
  const parked = snapshot.releases.find((sight) => sight.release === release)?.parked ?? 0;
  const rest = Math.max(0, snapshot.active - leaving);
  const active = Math.min(rest, serving);
  return {
    now,
    at: snapshot.now,
    queue: {
      paused: snapshot.paused,
      waiting: snapshot.waiting + parked,
      prioritized: snapshot.prioritized,
      dueSoon: snapshot.dueSoon,
      active,
      // Nobody alive claims them: their runner is gone, or picked them up since its last heartbeat. Either needs a slot.
      orphanActive: rest - active,
      oldestWaitMs: snapshot.oldestWaitAt === null ? null : Math.max(0, snapshot.now - snapshot.oldestWaitAt),
    },
    runners,
    serviceTimeMs: measures.serviceTimeMs,
    bootTimeMs: bootTimeMs(measures),
  };
};

const viewOf = (record: IntentRecord, agent: RunnerRecord | undefined, redisNow: number, now: number): RunnerView => ({
  runnerId: record.runnerId,
  state: record.state,
  active: agent?.active ?? 0,
  slots: record.slots,
  idleMs: idleMsOf(record, agent, redisNow),
  ageMs: Math.max(0, now - record.createdAt),
});

/** By the runner's own account, in Redis time: the clock starts when it is ready, and again after each call. */
export const idleMsOf = (record: IntentRecord, agent: RunnerRecord | undefined, redisNow: number): number | null => {
  if (record.state !== 'ready' || agent === undefined || agent.state !== 'ready') return null;
  if (agent.active > 0 || agent.idleSince <= 0) return null;
  return Math.max(0, redisNow - agent.idleSince);
};
