export type { RetryResult } from '../protocol/retry.ts';
export { createFlame, type Flame, type FlameOptions, type PoolRef } from './create-flame.ts';
export type { CallHandle, CancelResult } from './handle.ts';
export type { MapInput, MapOptions, MapOutcome } from './map.ts';
export type { Child } from './place-child.ts';
export type { ScheduleHandle, ScheduleTiming } from './schedule.ts';
export type { CallStatus } from './status.ts';
