/** What the command line shares with the pages. */
export type { LimitChange, LimitKeyView, LimitView } from '@flamejs/protocol';
export type { Actions, Why } from './act.ts';
export type { OpenAlert } from './alerts.ts';
export type { AuditEntry } from './audit.ts';
export { CALL_STATES } from './call-list.ts';
export type { Cost, PoolCosts } from './costs.ts';
export { type Operations, openOperations } from './operations.ts';
export { MOST_BYTES, SHOW_BYTES, type ShowOptions } from './payloads.ts';
export { type Json, present } from './present.ts';
export type { Range, RangePoint, RangeResolution } from './range.ts';
export type * from './types.ts';
