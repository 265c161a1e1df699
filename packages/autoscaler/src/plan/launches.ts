/** Growing: take drains back first, then launch as many as every bound allows. Pure. */
import type { Action, Plan } from './action.ts';
import type { PlanInput, PlannedRunner } from './plan.ts';

export interface Shortage {
  readonly missing: number;
  readonly physical: number;
  readonly reason: string;
}

export const planLaunches = (runners: readonly PlannedRunner[], input: PlanInput, shortage: Shortage): Plan => {
  const blocked = closedDoor(input);
  if (blocked !== null) return { actions: [], blocked };
  const back = reactivations(runners, shortage);
  const missing = shortage.missing - back.length;
  if (missing <= 0) return { actions: back, blocked: null };

  const { launching } = input;
  const bounds: readonly (readonly [number, string])[] = [
    [input.max - shortage.physical, `max ${input.max} reached (${shortage.physical} machines exist)`],
    [launching.quotaLeft, 'the quota of the app is used up'],
    [launching.capacityReason === null ? Number.POSITIVE_INFINITY : 0, launching.capacityReason ?? ''],
    [launching.breaker, launching.breakerReason ?? 'waiting for the launches under way'],
    [launching.tokens, "the provider's rate limit is used up"],
    [launching.perTick, 'the rest follows at the next tick'],
  ];
  const count = Math.max(0, Math.min(missing, ...bounds.map(([bound]) => Math.floor(bound))));
  const tightest = count < missing ? (bounds.find(([bound]) => Math.floor(bound) <= count)?.[1] ?? null) : null;
  const launch: readonly Action[] = count > 0 ? [{ kind: 'launch', count, reason: shortage.reason }] : [];
  return { actions: [...back, ...launch], blocked: tightest };
};

/** Reasons for which nothing is launched at all, whatever is wanted. */
const closedDoor = (input: PlanInput): string | null => {
  if (input.paused) return 'the pool is paused';
  if (!input.allowOut) return 'an operator holds scaling out';
  if (!input.fresh.queue) return 'the queue cannot be read';
  if (!input.fresh.registry) return 'the runners cannot be read';
  // Without a list, machines of ours that have no record could be there, and max would be passed.
  if (!input.fresh.list)
    return `the provider's list cannot be read${input.listFailure ? `: ${input.listFailure}` : ''}`;
  return null;
};

/** Runners that were let go for lack of work, the newest drain first: it has had the least time to finish. */
const reactivations = (runners: readonly PlannedRunner[], { missing, reason }: Shortage): readonly Action[] =>
  runners
    .filter(({ record, seen }) => {
      const drain = record.drain;
      if (record.state !== 'draining' || drain === null || drain.acknowledged) return false;
      if (drain.cause !== 'idle' && drain.cause !== 'scale-down') return false;
      return (
        seen.agent !== 'unknown' &&
        seen.agent !== null &&
        seen.agent.state !== 'drained' &&
        seen.agent.state !== 'ended'
      );
    })
    .sort((a, b) => (b.record.drain?.since ?? 0) - (a.record.drain?.since ?? 0) || order(a, b))
    .slice(0, missing)
    .map(({ record }) => ({ kind: 'reactivate', runnerId: record.runnerId, reason }));

const order = (a: PlannedRunner, b: PlannedRunner): number => (a.record.runnerId < b.record.runnerId ? -1 : 1);
