/** A runner's registration, as a runner calls it. */
import { type RedisClient, runScript } from './connect.ts';
import type { PoolKeys } from './keys.ts';
import type { RunnerFault, RunnerRecord } from './runner-record.ts';

export interface HeartbeatReply {
  /** Redis ms. */
  readonly now: number;
  /** Generation of the drain that the autoscaler wants; 0 for none. */
  readonly drain: number;
  readonly drainReason: string;
}

/** What a runner reports; counts and states as they are at this moment. */
export type HeartbeatFields = Partial<
  Omit<
    RunnerRecord,
    'runnerId' | 'idleSince' | 'startedAt' | 'readyAt' | 'heartbeatAt' | 'drain' | 'drainReason' | 'parked'
  >
>;

/**
 * Registers, reports, and reads the orders, in one step and in Redis' time.
 * @param idleMs how long ago, by the runner's own clock, its last call ended or it became ready; `null` while it is neither
 */
export const beat = async (
  client: RedisClient,
  keys: PoolKeys,
  runnerId: string,
  idleMs: number | null,
  fields: HeartbeatFields,
): Promise<HeartbeatReply> => {
  const pairs = Object.entries(fields).flatMap(([name, value]) => [name, String(value)]);
  const args = [keys.runner(runnerId), keys.runners, runnerId, idleMs === null ? '' : Math.round(idleMs), ...pairs];
  const [now, drain, drainReason] = (await runScript(client, 'flameHeartbeat', args)) as [string, string, string];
  return { now: Number(now), drain: Number(drain), drainReason };
};

/** Takes the runner out of the index; its record stays for an hour. */
export const leave = async (
  client: RedisClient,
  keys: PoolKeys,
  runnerId: string,
  reason: string,
  fault: RunnerFault = '',
): Promise<void> => {
  await runScript(client, 'flameLeave', [keys.runner(runnerId), keys.runners, runnerId, reason, fault]);
};
