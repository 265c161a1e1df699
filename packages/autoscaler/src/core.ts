/**
 * The pure decisions that the loop runs on, as one object, so that the model tests can take a guard out and show that they
 * notice. Nothing else replaces it.
 */
import { allowance } from './plan/breaker.ts';
import { plan } from './plan/plan.ts';
import { advance } from './record/advance.ts';
import { mayTerminate } from './record/may-terminate.ts';

export interface Core {
  readonly advance: typeof advance;
  readonly plan: typeof plan;
  readonly mayTerminate: typeof mayTerminate;
  readonly allowance: typeof allowance;
}

export const CORE: Core = { advance, plan, mayTerminate, allowance };
