/** The autoscaler's durable records of runners, as far as people may see them: never the environment of a launch. */
import type { RunnerState } from '@flamejs/queue';
import { parseObject, toNumber, toText } from './numbers.ts';

export interface IntentView {
  readonly runnerId: string;
  readonly pool: string;
  readonly backend: string;
  readonly state: RunnerState;
  readonly reason: string;
  readonly createdAt: number;
  readonly slots: number;
  readonly instanceId: string;
  readonly location: string;
  readonly details: Readonly<Record<string, string>>;
  /** Until then nothing but an order ends it; 0 for unprotected. */
  readonly protectedUntil: number;
}

export const RUNNER_STATES: readonly RunnerState[] = [
  'requested',
  'booting',
  'ready',
  'draining',
  'terminating',
  'failed',
  'lost',
  'terminated',
];

const isState = (value: unknown): value is RunnerState => RUNNER_STATES.includes(value as RunnerState);

/** @returns the record, or `undefined` for a text that is none. */
export const parseIntent = (json: string): IntentView | undefined => {
  const value = parseObject(json);
  if (value === undefined || typeof value.runnerId !== 'string' || !isState(value.state)) return undefined;
  const details = typeof value.details === 'object' && value.details !== null ? value.details : {};
  return {
    runnerId: value.runnerId,
    pool: toText(value.pool),
    backend: toText(value.backend),
    state: value.state,
    reason: toText(value.reason),
    createdAt: toNumber(value.createdAt),
    slots: toNumber(value.slots),
    instanceId: toText(value.instanceId),
    location: toText(value.location),
    details: Object.fromEntries(Object.entries(details).map(([k, v]) => [k, toText(v)])),
    protectedUntil: toNumber(value.protectedUntil),
  };
};
