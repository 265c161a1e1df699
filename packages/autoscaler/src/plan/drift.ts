/**
 * Rolling runners of another release over to the present one: one canary first, then within a disruption budget. Pure.
 */
import { isProtected } from '../record/may-terminate.ts';
import type { Action } from './action.ts';
import type { PlanInput, PlannedRunner, Target } from './plan.ts';

export interface DriftPlan {
  /** Runners wanted beyond the target, so that a replacement is ready before its predecessor goes. */
  readonly surge: number;
  readonly actions: readonly Action[];
}

const NOTHING: DriftPlan = { surge: 0, actions: [] };
const BUDGET = 0.1;

export const planDrift = (runners: readonly PlannedRunner[], input: PlanInput, target: Target): DriftPlan => {
  const serving = input.runners.filter(({ record }) => record.state === 'ready' || record.state === 'booting');
  const drifted = serving.filter(({ record }) => record.release !== input.release);
  if (drifted.length === 0 || input.paused || !input.allowIn || !input.fresh.registry || !input.fresh.queue)
    return NOTHING;
  if (target.wanted === 0) return NOTHING;

  const replaced = serving.filter(({ record }) => record.release === input.release);
  const proven = replaced.some(({ record }) => record.state === 'ready');
  const leaving = input.runners.filter(
    ({ record }) => record.state === 'draining' && record.drain?.cause === 'drift',
  ).length;
  const budget = Math.max(1, Math.floor(serving.length * BUDGET));
  // The canary comes on top if there is room under max; else one old runner makes room for it.
  if (!proven && (serving.length < input.max || replaced.length > 0)) return { surge: 1, actions: [] };
  if (!proven && leaving > 0) return NOTHING;
  const free = runners.filter(
    (runner) => drifted.includes(runner) && runner.record.state === 'ready' && !isProtected(runner.record, input.now),
  );
  const chosen = free.sort(idleFirst).slice(0, Math.max(0, budget - leaving));
  return {
    surge: 0,
    actions: chosen.map(({ record }) => ({
      kind: 'drain',
      runnerId: record.runnerId,
      cause: 'drift',
      reason: `release ${record.release} is replaced by ${input.release}`,
      deadlineMs: null,
      askIdleMs: null,
    })),
  };
};

const idleFirst = (a: PlannedRunner, b: PlannedRunner): number =>
  (b.idleMs ?? -1) - (a.idleMs ?? -1) || (a.record.runnerId < b.record.runnerId ? -1 : 1);
