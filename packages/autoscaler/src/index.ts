/**
 * The autoscaler: keeps the number of runners of each pool where its policy wants it. Backends and policies, which a config
 * names, are not here but in subpaths: callers load the config too, and need nothing of the autoscaler.
 */
export {
  type Autoscaler,
  type AutoscalerDeps,
  type AutoscalerStatus,
  createAutoscaler,
  type StopOptions,
} from './autoscaler.ts';
export type { Action, Plan } from './plan/action.ts';
export type { FullPoolStatus } from './pool-status.ts';
export { type DrainCause, decodeIntent, type Grounds, type IntentRecord } from './record/intent.ts';
