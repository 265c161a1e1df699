/** Instances of ours without a record: counted at once, kept when a living runner is inside, else ended. Pure. */
import type { Instance } from '@flamejs/queue';
import type { Action } from './action.ts';
import type { PlanInput } from './plan.ts';

export interface Stray {
  readonly instance: Instance;
  /** Distinct listings that had it. */
  readonly sightings: number;
  /** Since the first of them, without a gap. */
  readonly seenMs: number;
  /** A runner in it has registered and its heartbeat moves. */
  readonly alive: boolean;
}

export const planStrays = (input: PlanInput): readonly Action[] => {
  if (!input.fresh.list || !input.fresh.registry || input.steadyMs < input.timing.steadyMs) return [];
  return input.strays.flatMap((stray): Action[] => {
    const { instance } = stray;
    if (input.busy.has(instance.runnerId) || stray.sightings < 2) return [];
    if (stray.alive) return [{ kind: 'adopt', instance, as: 'runner', reason: 'a runner without a record answers' }];
    if (stray.seenMs < input.timing.orphanMs) return [];
    return [{ kind: 'adopt', instance, as: 'orphan', reason: 'no record, and no runner answers from it' }];
  });
};
