/**
 * The durable record of one runner, written before anything is launched: the autoscaler's memory across crashes. It lives
 * in the hash `intents` under the runner's id until the instance is certainly gone. All times are epoch milliseconds of
 * the controller's clock, which starts at Redis' time and then runs monotonically.
 */

import { type Fields, haveNumbers, parseObject } from '@flamejs/protocol';
import type { RunnerState } from '@flamejs/queue';

/**
 * What entitles us to end an instance; `mayTerminate` knows no other.
 * drained: it acknowledged a drain and executes nothing; deadline: its drain ran out of time; ended: it said so itself;
 * lost: silent, and its locks or its machine are gone; boot-failed: it never became ready; orphan: nothing knows it;
 * forced: somebody ordered it.
 */
export type Grounds = 'drained' | 'deadline' | 'ended' | 'lost' | 'boot-failed' | 'orphan' | 'forced';

/** Why a runner drains. Only the first two may be taken back when demand returns. */
export type DrainCause =
  | 'idle'
  | 'scale-down'
  | 'max'
  | 'drift'
  | 'retired'
  | 'shutdown'
  | 'operator'
  | 'late'
  | 'self';

export interface DrainIntent {
  readonly cause: DrainCause;
  readonly reason: string;
  /** Raised by every new order, so that an old acknowledgement never counts for it. */
  readonly generation: number;
  readonly since: number;
  /** After it the runner is ended with whatever it executes; `null` leaves it as much time as its calls need. */
  readonly deadlineAt: number | null;
  /** The runner has acknowledged this generation. */
  readonly acknowledged: boolean;
  /** The operator's order that is carried out with it. */
  readonly order?: string;
}

export interface LaunchIntent {
  /** With the runner's id the idempotency token; never raised after an unknown outcome. */
  readonly attempt: number;
  /** `pending` until the backend has answered, `unknown` when its answer did not reach us. */
  readonly outcome: 'pending' | 'unknown' | 'accepted';
  /** Since when the provider is known to have it: its list may lag behind that moment, however long the launch took. */
  readonly acceptedAt: number | null;
  readonly tries: number;
  readonly nextAt: number;
  /** Frozen with the token: a replay must ask for the same machine. */
  readonly env: Readonly<Record<string, string>>;
}

export interface TerminateIntent {
  readonly tries: number;
  readonly nextAt: number;
  readonly acceptedAt: number | null;
  readonly error: string | null;
}

export interface IntentRecord {
  readonly runnerId: string;
  readonly pool: string;
  readonly backend: string;
  readonly release: string;
  readonly slots: number;
  readonly state: RunnerState;
  readonly stateSince: number;
  /** Why it is in this state, for people. */
  readonly reason: string;
  readonly createdAt: number;
  readonly readyAt: number | null;
  readonly instanceId: string | null;
  /** Host, zone or region of the instance, as its backend names it. */
  readonly location: string | null;
  readonly details: Readonly<Record<string, string>>;
  readonly launch: LaunchIntent;
  readonly generation: number;
  readonly drain: DrainIntent | null;
  readonly grounds: Grounds | null;
  readonly terminate: TerminateIntent | null;
  /** Until then nothing but force ends it. */
  readonly protectedUntil: number | null;
}

export interface NewIntent {
  readonly runnerId: string;
  readonly pool: string;
  readonly backend: string;
  readonly release: string;
  readonly slots: number;
  readonly env: Readonly<Record<string, string>>;
  readonly reason: string;
}

export const newIntent = (from: NewIntent, now: number): IntentRecord => ({
  runnerId: from.runnerId,
  pool: from.pool,
  backend: from.backend,
  release: from.release,
  slots: from.slots,
  state: 'requested',
  stateSince: now,
  reason: from.reason,
  createdAt: now,
  readyAt: null,
  instanceId: null,
  location: null,
  details: {},
  launch: { attempt: 1, outcome: 'pending', acceptedAt: null, tries: 0, nextAt: now, env: from.env },
  generation: 0,
  drain: null,
  grounds: null,
  terminate: null,
  protectedUntil: null,
});

export const encodeIntent = (record: IntentRecord): string => JSON.stringify(record);

/** @returns the record, or `undefined` for text that is none: one that is damaged, or of a newer version, must not stop the loop. */
export const decodeIntent = (text: string): IntentRecord | undefined => {
  const fields = parseObject(text);
  if (fields === undefined) return undefined;
  const value = { ...newIntent(EMPTY, 0), ...fields } as unknown as IntentRecord & Fields;
  const { launch, drain, terminate, details } = value;
  const whole =
    [value.runnerId, value.pool].every((name) => typeof name === 'string' && name !== '') &&
    STATES.has(value.state) &&
    haveNumbers(value, ['slots', 'stateSince', 'createdAt', 'generation']) &&
    isObject(details) &&
    isObject(launch) &&
    haveNumbers(launch, ['attempt', 'tries', 'nextAt']) &&
    isObject(launch.env) &&
    (drain === null || (isObject(drain) && haveNumbers(drain, ['generation', 'since']))) &&
    (terminate === null || (isObject(terminate) && haveNumbers(terminate, ['tries', 'nextAt'])));
  return whole ? value : undefined;
};

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const STATES: ReadonlySet<string> = new Set<RunnerState>([
  'requested',
  'booting',
  'ready',
  'draining',
  'terminating',
  'failed',
  'lost',
  'terminated',
]);

const EMPTY: NewIntent = { runnerId: '', pool: '', backend: '', release: '', slots: 1, env: {}, reason: '' };
