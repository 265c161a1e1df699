/**
 * From what is and what is wanted to what is done now. Pure: the same input gives the same plan, so a dry run prints what
 * a real tick would do.
 */
import type { StandingOrder } from '@flamejs/protocol';
import type { IntentRecord } from '../record/intent.ts';
import { isProtected, mayTerminate } from '../record/may-terminate.ts';
import type { Sighting } from '../record/sighting.ts';
import type { Timing } from '../timing.ts';
import type { Action, Plan } from './action.ts';
import { isUsefulRecord, physicalCount } from './counts.ts';
import { planDrift } from './drift.ts';
import { planLaunches } from './launches.ts';
import { planOperator } from './operator.ts';
import { planScaleDown } from './scale-down.ts';
import { planStrays, type Stray } from './strays.ts';

export interface PlannedRunner {
  readonly record: IntentRecord;
  readonly seen: Sighting;
  /** Redis-time idleness by the runner's own account; `null` while it is busy or unknown. */
  readonly idleMs: number | null;
  readonly active: number;
}

/** What the pool's policy and bounds come to at this tick. */
export interface Target {
  readonly wanted: number;
  /** Nothing is let go below this: the largest wish of the whole scale-down window; infinite while that is not known. */
  readonly floor: number;
  /** The same over the longer of the window and `idleShutdownAfter`: below it even runners that were busy a moment ago may go. */
  readonly longFloor: number;
  readonly reason: string;
}

export interface Launching {
  readonly perTick: number;
  /** Whole tokens of the API limiter. */
  readonly tokens: number;
  /** What the breaker lets through. */
  readonly breaker: number;
  /** Why, when it lets nothing through. */
  readonly breakerReason: string | null;
  /** Why the provider is not asked at present; `null` when it is. */
  readonly capacityReason: string | null;
  /** Slots of the app-wide quota that are free. */
  readonly quotaLeft: number;
}

export interface PlanInput {
  readonly now: number;
  readonly pool: string;
  readonly min: number;
  readonly max: number;
  readonly release: string;
  readonly idleShutdownAfterMs: number;
  readonly target: Target | 'hold';
  readonly runners: readonly PlannedRunner[];
  /** Runners that somebody else keeps: they serve calls and are never touched. */
  readonly external: number;
  readonly strays: readonly Stray[];
  /** Which sources were read whole and just now. */
  /** Why the provider's list cannot be read, in its own words. */
  readonly listFailure?: string | null;
  readonly fresh: { readonly queue: boolean; readonly registry: boolean; readonly list: boolean };
  readonly steadyMs: number;
  /** The queue is paused: nothing is launched. */
  readonly paused: boolean;
  /** An operator's hold on one direction. */
  readonly allowOut: boolean;
  readonly allowIn: boolean;
  readonly launching: Launching;
  /** Runners with an action under way. */
  readonly busy: ReadonlySet<string>;
  /** Idle runners whose `unless` function asked for another period. */
  readonly kept: ReadonlySet<string>;
  readonly hasUnless: boolean;
  readonly timing: Timing;
  /** The autoscaler ends for good, or the pool has been taken out of the config: everything drains within this time. */
  readonly closing: ClosingPool | null;
  /** What operators want of single runners, in the controller's time. */
  readonly orders: readonly StandingOrder[];
}

export interface ClosingPool {
  readonly cause: 'shutdown' | 'retired';
  readonly deadlineMs: number;
  /** No more waiting: what is there is ended whatever it executes. */
  readonly force: boolean;
}

export const plan = (input: PlanInput): Plan => {
  const ordered = planOperator(input);
  const told = new Set(ordered.flatMap((action) => ('runnerId' in action ? action.runnerId : [])));
  const free = input.runners.filter(({ record: { runnerId } }) => !input.busy.has(runnerId) && !told.has(runnerId));
  const upkeep = [
    ...ordered,
    ...planReplays(free, input),
    ...planOrders(free),
    ...planTerminations(free, input),
    ...planStrays(input),
  ];
  if (input.closing !== null)
    return { actions: [...upkeep, ...planClosing(free, input.closing, input.now)], blocked: null };
  const target = input.target;
  if (target === 'hold') return { actions: upkeep, blocked: 'the pool is on hold: what it needs is not known' };

  const records = input.runners.map(({ record }) => record);
  const useful = records.filter((record) => isUsefulRecord(record, input.now, input.timing)).length + input.external;
  const physical = physicalCount(records, input.strays.length);
  const drift = planDrift(free, input, target);
  const wanted = target.wanted + drift.surge;
  if (useful < wanted) {
    const up = planLaunches(free, input, { missing: wanted - useful, physical, reason: target.reason });
    return { actions: [...upkeep, ...up.actions, ...drift.actions], blocked: up.blocked };
  }
  return {
    actions: [...upkeep, ...planScaleDown(free, input, { ...target, wanted }, useful), ...drift.actions],
    blocked: null,
  };
};

/** Until the outcome of a launch is definite, the same request is repeated; an instance in the list ends that by itself. */
const planReplays = (runners: readonly PlannedRunner[], { now }: PlanInput): readonly Action[] =>
  runners.flatMap(({ record }) =>
    record.state === 'requested' && now >= record.launch.nextAt
      ? [{ kind: 'replay', runnerId: record.runnerId, reason: `launch outcome ${record.launch.outcome}` } as const]
      : [],
  );

/** An order that got lost between the record and the runner's hash, or that a crash kept from being given. */
const planOrders = (runners: readonly PlannedRunner[]): readonly Action[] =>
  runners.flatMap(({ record, seen }) => {
    if (record.state !== 'draining' || record.drain === null) return [];
    if (seen.agent === 'unknown' || seen.agent === null || seen.agent.drain === record.drain.generation) return [];
    return [{ kind: 'order', runnerId: record.runnerId, reason: record.drain.reason } as const];
  });

const planTerminations = (runners: readonly PlannedRunner[], { now }: PlanInput): readonly Action[] =>
  runners.flatMap(({ record, seen }) => {
    if (record.grounds === null || !mayTerminate(record, now) || record.instanceId === null) return [];
    if (record.state !== 'failed' && record.state !== 'terminating') return [];
    if (record.terminate !== null && now < record.terminate.nextAt) return [];
    if (seen.elsewhere) return [];
    return [{ kind: 'terminate', runnerId: record.runnerId, grounds: record.grounds, reason: record.reason } as const];
  });

const planClosing = (runners: readonly PlannedRunner[], closing: ClosingPool, now: number): readonly Action[] => {
  const reason = closing.cause === 'shutdown' ? 'the autoscaler is shutting down' : 'the pool is no longer configured';
  return runners.flatMap(({ record, seen }): Action[] => {
    const { runnerId, state } = record;
    if (closing.cause === 'retired' && isProtected(record, now)) return [];
    const ending = state === 'terminating' || state === 'failed';
    // One that has not even registered holds no call, so there is nothing to wait for.
    const empty = state === 'booting' && seen.agent === null;
    if (!ending && record.instanceId !== null && (closing.force || empty)) {
      return [{ kind: 'terminate', runnerId, grounds: 'forced', reason }];
    }
    if (state !== 'ready' && state !== 'booting') return [];
    return [{ kind: 'drain', runnerId, cause: closing.cause, reason, deadlineMs: closing.deadlineMs, askIdleMs: null }];
  });
};
