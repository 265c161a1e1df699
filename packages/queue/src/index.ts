/** Flame: run heavy functions on machines that appear when needed and vanish afterwards. */

export { type Bytes, formatBytes, parseBytes } from '@flamejs/protocol/bytes';
export { type ClassCodec, registerClass, registerError } from '@flamejs/protocol/codec';
export {
  type Duration,
  duration,
  formatDuration,
  type LongTimeout,
  parseDuration,
  setLongTimeout,
} from '@flamejs/protocol/duration';
export * from '@flamejs/protocol/errors';
export type { Secret } from '@flamejs/protocol/secret';
export type * from './backend.ts';
export type { JobMethods } from './bullmq/job-methods.ts';
export type * from './bullmq/types.ts';
export * from './client/index.ts';
export { type Config, defineConfig } from './config/define-config.ts';
export type * from './config/input.ts';
export type { Alert, AlertsConfig, AlertsInput } from './config/read-alerts.ts';
export type * from './config/types.ts';
export type { CallContext } from './context.ts';
export { defineFunction, isFlameFunction } from './fn.ts';
export type * from './register.ts';
export type * from './scaling.ts';
export type * from './telemetry/types.ts';
export type * from './tuning.ts';
export type * from './types.ts';
