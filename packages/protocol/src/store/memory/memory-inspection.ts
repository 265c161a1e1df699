/** Where a call of the memory store is, in the words of every store. */
import type { CallInspection, CallState } from '../../inspection.ts';
import type { MemoryCall } from './memory-call.ts';
import type { MemoryLimits } from './memory-limits.ts';
import type { MemoryLine } from './memory-line.ts';
import type { MemoryOutcome } from './memory-outcomes.ts';

export interface Surroundings {
  readonly id: string;
  readonly now: number;
  readonly line: MemoryLine;
  readonly outcome: MemoryOutcome | undefined;
  readonly limit: ReturnType<MemoryLimits['heldBy']>;
  readonly lastStartAt: number;
  readonly runners: number;
  readonly liveActive: number;
}

export const inspectMemoryCall = (call: MemoryCall | undefined, around: Surroundings): CallInspection => {
  const { id, now, line, outcome, limit, lastStartAt, runners, liveActive } = around;
  const state = stateOf(call, around);
  const dueAt = limit === undefined ? (line.dueAt(id) ?? 0) : 0;
  const isParked = call?.parked !== undefined;
  return {
    state,
    ahead: limit?.before ?? aheadOf(state, isParked, around),
    dueAt,
    now,
    poolPaused: false,
    selfWait: false,
    lastStartAt,
    liveActive,
    runners,
    generation: call?.generation ?? 0,
    waitedMs: Math.max(0, now - (call?.since ?? now)),
    runnerLosses: call?.runnerLosses ?? 0,
    executorKills: call?.executorKills ?? 0,
    runnerId: call?.runner,
    queueTimeoutMs: call?.accepted.queueTimeoutMs ?? 0,
    deadlineAt: call?.deadlineAt ?? 0,
    attempts: call === undefined ? 0 : call.attempt - call.attemptsBefore - call.handedBack,
    attemptsMade: call?.attemptsMade ?? 0,
    startedAt: call?.startedAt ?? 0,
    cancelReason: call?.cancelReason,
    functionName: call?.accepted.name ?? '',
    enqueuedAt: call?.enqueuedAt ?? 0,
    failOnLoss: call?.accepted.failOnLoss ?? false,
    history: call?.history ?? outcome?.history ?? [],
    held: limit?.held,
    parked:
      call?.parked === undefined
        ? undefined
        : { ...without(call.parked), forMs: Math.max(0, now - call.parked.at), releases: [], rolling: false },
  };
};

const without = ({ wanted, found, why }: NonNullable<MemoryCall['parked']>) => ({ wanted, found, why });

const stateOf = (call: MemoryCall | undefined, { id, now, line, outcome, limit }: Surroundings): CallState => {
  if (outcome !== undefined && (call === undefined || outcome.generation === call.generation)) return 'settled';
  if (call === undefined) return 'missing';
  const place = line.placeOf(id);
  if (place === 'active') return call.lockedUntil > now ? 'active' : 'orphaned';
  // One whose delay is over waits, whoever is to move it.
  if (place === 'delayed')
    return call.parked !== undefined || limit !== undefined || (line.dueAt(id) ?? 0) <= now ? 'waiting' : 'delayed';
  return place === 'waiting' ? 'waiting' : 'expired';
};

const aheadOf = (state: CallState, isParked: boolean, { id, line }: Surroundings): number => {
  if (isParked || (state !== 'waiting' && state !== 'delayed')) return 0;
  return line.placeOf(id) === 'waiting' ? line.ahead(id) : line.waiting;
};
