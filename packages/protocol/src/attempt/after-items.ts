/** What follows for a call that cannot run again, for it would yield a second time what was read. Pure. */
import { type FlameError, FlameRunnerLostError } from '../errors/index.ts';
import type { Plan } from './after-run.ts';

/** A plan that ends its call. */
export type LastPlan = Extract<Plan, { kind: 'value' | 'thrown' | 'error' }>;

export const endsCall = (plan: Plan): plan is LastPlan =>
  plan.kind === 'value' || plan.kind === 'thrown' || plan.kind === 'error';

/**
 * @param plan what follows when there is no further attempt. The function's own error stays as it was thrown; ours say why there is none
 * @param items how many there are
 */
export const afterItems = (plan: Plan, callId: string, items: number): LastPlan => {
  if (!endsCall(plan)) return { kind: 'error', error: lostAfterItems(callId, items, 0) };
  if (plan.kind === 'error') plan.error.message += `; ${notAgain(items)}`;
  return plan;
};

export const lostAfterItems = (callId: string, items: number, losses: number): FlameError =>
  new FlameRunnerLostError(`call ${callId}: its attempt was lost; ${notAgain(items)}`, { callId, losses });

const notAgain = (items: number): string =>
  `it is not run again, for some of its ${items} items had been read (a function that is \`resumable\` would go on)`;
