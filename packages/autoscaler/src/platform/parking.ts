/**
 * Who is parked, and who is taken back. A parked runner takes no calls and stays where it is: the platform decides which one it
 * ends, and until it does this one may be wanted again. Pure.
 */
import { idleMsOf } from '../observe/observation.ts';
import type { Target } from '../plan/plan.ts';
import { planScaleDown, type ScaleDownInput } from '../plan/scale-down.ts';
import { UNSEEN } from '../record/sighting.ts';
import { isParked, type Registered } from './registered.ts';

export interface ParkingInput extends Omit<ScaleDownInput, 'runners' | 'external' | 'kept' | 'hasUnless'> {
  readonly registered: readonly Registered[];
  readonly target: Target;
  /** Redis ms. */
  readonly redisNow: number;
  readonly paused: boolean;
  readonly allowOut: boolean;
  /** Runners with an action under way. */
  readonly busy: ReadonlySet<string>;
}

export interface ParkingAction {
  readonly kind: 'park' | 'unpark';
  readonly runnerId: string;
  readonly reason: string;
}

export const planParking = (input: ParkingInput): readonly ParkingAction[] => {
  const { registered, target, redisNow } = input;
  const useful = registered.filter(({ record }) => record.state === 'booting' || record.state === 'ready').length;
  const free = registered.filter(({ record }) => !input.busy.has(record.runnerId));
  if (useful < target.wanted) return input.paused || !input.allowOut ? [] : takeBack(free, target, useful);
  const planned = registered.map(({ agent, record }) => ({
    record,
    seen: UNSEEN,
    idleMs: idleMsOf(record, agent, redisNow),
    active: agent.active,
  }));
  const chosen = planScaleDown(
    planned.filter(({ record }) => !input.busy.has(record.runnerId)),
    { ...input, runners: planned, external: 0, kept: NOBODY, hasUnless: false },
    target,
    useful,
  );
  return chosen.flatMap((action): ParkingAction[] =>
    action.kind === 'drain' ? [{ kind: 'park', runnerId: action.runnerId, reason: action.reason }] : [],
  );
};

/** Those that still have calls first: they are no further away than their next heartbeat, and warm. */
const takeBack = (runners: readonly Registered[], target: Target, useful: number): readonly ParkingAction[] =>
  runners
    .filter(isParked)
    .sort((a, b) => b.agent.active - a.agent.active || (a.agent.runnerId < b.agent.runnerId ? -1 : 1))
    .slice(0, target.wanted - useful)
    .map(({ agent: { runnerId } }) => ({ kind: 'unpark', runnerId, reason: target.reason }));

const NOBODY: ReadonlySet<string> = new Set();
