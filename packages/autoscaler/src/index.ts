/** The autoscaler: keeps the number of runners of each pool where its policy wants it. */
export {
  type Autoscaler,
  type AutoscalerDeps,
  type AutoscalerStatus,
  createAutoscaler,
  type StopOptions,
} from './autoscaler.ts';
export { type LocalBackend, type LocalOptions, local } from './backends/local.ts';
export type { Action, Plan } from './plan/action.ts';
export * from './policies/index.ts';
export type { FullPoolStatus } from './pool-status.ts';
export { type DrainCause, decodeIntent, type Grounds, type IntentRecord } from './record/intent.ts';
