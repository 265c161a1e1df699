export type { RetryResult } from '@flamejs/protocol/retry';
export type { ResultOptions } from './await-outcome.ts';
export { createFlame } from './create-flame.ts';
export type {
  CallTarget,
  CastTargetArgs,
  Flame,
  FlameOptions,
  PoolRef,
  StreamTargetArgs,
  TargetArgs,
  TargetItem,
  TargetResult,
} from './flame.ts';
export type { CallHandle, CancelResult } from './handle.ts';
export type { MapInput, MapOptions, MapOutcome } from './map.ts';
export type { Child } from './place-child.ts';
export type { ScheduleHandle, ScheduleTiming } from './schedule.ts';
export type { CallStatus } from './status.ts';
export type { FlameStream } from './stream/item-stream.ts';
export type { StreamOptions } from './stream/open-stream.ts';
export { type ServeEventsOptions, serveEvents } from './stream/serve-events.ts';
