export type { RetryResult } from '@flamejs/protocol/retry';
export type { ResultOptions } from './await-outcome.ts';
export { createFlame } from './create-flame.ts';
export type { CallTarget, Flame, FlameOptions, PoolRef, TargetArgs, TargetResult } from './flame.ts';
export type { CallHandle, CancelResult } from './handle.ts';
export type { MapInput, MapOptions, MapOutcome } from './map.ts';
export type { Child } from './place-child.ts';
export type { ScheduleHandle, ScheduleTiming } from './schedule.ts';
export type { CallStatus } from './status.ts';
