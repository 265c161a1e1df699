/** Flame: run heavy functions on machines that appear when needed and vanish afterwards. */
export type * from './backend.ts';
export { type Bytes, formatBytes, parseBytes } from './bytes.ts';
export * from './client/index.ts';
export { type ClassCodec, registerClass, registerError } from './codec/index.ts';
export { type Config, defineConfig } from './config/define-config.ts';
export type * from './config/input.ts';
export type * from './config/types.ts';
export type { CallContext } from './context.ts';
export {
  type Duration,
  formatDuration,
  type LongTimeout,
  parseDuration,
  setLongTimeout,
} from './duration.ts';
export * from './errors/index.ts';
export { defineFunction, isFlameFunction } from './fn.ts';
export type * from './scaling.ts';
export type { Secret } from './secret.ts';
export type * from './tuning.ts';
export type * from './types.ts';
