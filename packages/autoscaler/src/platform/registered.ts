/**
 * The runners of a pool that a platform scales: whoever has registered. Nobody asked for them one by one, so there is no record of
 * them but their own; it is read here as one, so that policies and plans see the same as of any pool. Pure.
 */
import type { RunnerRecord } from '@flamejs/protocol';
import type { RankedRunner, RunnerState } from '@flamejs/queue';
import { type IntentRecord, newIntent } from '../record/intent.ts';

export interface Registered {
  readonly agent: RunnerRecord;
  readonly record: IntentRecord;
}

export interface SeenRunner {
  readonly silentMs: number;
  /** Redis ms. */
  readonly redisNow: number;
  /** How far the controller's clock is ahead of it. */
  readonly aheadMs: number;
  readonly lostMs: number;
}

/** @returns the runner, or `undefined` for one that has left */
export const registeredOf = (agent: RunnerRecord, seen: SeenRunner): Registered | undefined => {
  if (agent.state === 'ended') return undefined;
  const ours = (at: number): number => at + seen.aheadMs;
  const { runnerId, pool, release, slots } = agent;
  const from = { runnerId, pool, backend: 'external', release, slots, env: {}, reason: agent.reason };
  const state = stateOf(agent, seen);
  const record: IntentRecord = {
    ...newIntent(from, ours(agent.startedAt)),
    state,
    readyAt: agent.readyAt === 0 ? null : ours(agent.readyAt),
    location: agent.host,
    drain:
      state === 'draining'
        ? {
            cause: agent.parked ? 'scale-down' : 'self',
            reason: agent.drainReason || agent.reason,
            generation: agent.drain,
            since: ours(agent.heartbeatAt),
            deadlineAt: null,
            acknowledged: agent.state === 'drained',
          }
        : null,
  };
  return { agent, record };
};

const stateOf = (agent: RunnerRecord, { silentMs, redisNow, lostMs }: SeenRunner): RunnerState => {
  if (silentMs >= lostMs || redisNow - agent.heartbeatAt >= lostMs) return 'lost';
  if (agent.drain > 0) return 'draining';
  if (agent.state === 'starting') return 'booting';
  if (agent.state === 'ready') return 'ready';
  // Taken back, and it has not said so yet; its own drain acknowledges no order.
  return agent.ackedDrain > 0 ? 'booting' : 'draining';
};

/** Whether it can be taken back: parked by us, and not told to end since. */
export const isParked = ({ agent, record }: Registered): boolean =>
  record.state === 'draining' && agent.parked && (agent.reason === '' || agent.reason === agent.drainReason);

/**
 * Whether the platform should keep as many as count this one: it executes something, or did within `idleShutdownAfter`, by its own
 * record. One that the platform started beyond what it was told and that never had a call is none.
 */
export const isHeld = ({ agent, record }: Registered, redisNow: number, idleShutdownAfterMs: number): boolean => {
  if (record.state === 'lost') return false;
  if (agent.active > 0) return true;
  return (
    record.state === 'ready' &&
    agent.served > 0 &&
    agent.idleSince > 0 &&
    redisNow - agent.idleSince < idleShutdownAfterMs
  );
};

/** How little it would be missed: one that has just been idle is as good as busy, so that short calls change nothing. */
export const rankOf = (each: Registered, redisNow: number, idleShutdownAfterMs: number): RankedRunner => {
  const { record, agent } = each;
  if (isHeld(each, redisNow, idleShutdownAfterMs)) return { host: agent.host, rank: 'busy' };
  return { host: agent.host, rank: record.state === 'draining' ? 'parked' : 'idle' };
};
