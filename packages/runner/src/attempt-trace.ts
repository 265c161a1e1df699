/** What the span of an attempt says of its end, and how the attempt takes its place among traces along. */

import type { Plan } from '@flamejs/protocol/attempt/after-run';
import { HIDDEN } from '@flamejs/protocol/attempt/seal-outcome';
import type { AttemptEnd, AttemptSpan } from '@flamejs/queue';
import type { Execution, ExecutionResult } from './executor/index.ts';

/** @param hides the app seals what its calls say: messages stay out of traces too */
export const attemptEndOf = (result: ExecutionResult, plan: Plan, hides: boolean): AttemptEnd => {
  const error = errorOf(result, plan);
  if (error === undefined) return { outcome: result.kind };
  return { outcome: result.kind, error: hides ? { ...error, message: HIDDEN } : error };
};

const errorOf = (result: ExecutionResult, plan: Plan): AttemptEnd['error'] => {
  if (result.kind === 'returned') return undefined;
  if (result.kind === 'threw') return { name: result.errorName, message: result.errorMessage };
  if (plan.kind === 'error') return { name: plan.error.name, message: plan.error.message };
  const message = plan.kind === 'again' ? plan.why : plan.kind === 'retry' ? plan.message : '';
  return { name: result.kind, message };
};

/** Asked for when it is sent: that is when the attempt begins. */
export const withTrace = (execution: Execution, span: AttemptSpan | undefined): Execution =>
  span === undefined
    ? execution
    : Object.defineProperty({ ...execution }, 'trace', { enumerable: true, get: () => span.carrier });
