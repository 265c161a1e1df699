/** What the dashboard and the command line say of pools, runners and calls. Plain JSON; times are Redis milliseconds. */

import type { PastAttempt, PoolEvent, WaitingReason } from '@flamejs/protocol';
import type { RunnerState } from '@flamejs/queue';
import type { Json } from './present.ts';

export interface PoolView {
  readonly name: string;
  /** Whether the config has it. One that it has not is served by nobody, and shown while anything of it is left. */
  readonly configured: boolean;
  /** The queue is paused: nothing starts. */
  readonly paused: boolean;
  readonly waiting: number;
  /** Not yet due: delay, backoff, schedules. */
  readonly delayed: number;
  readonly active: number;
  /** Outcomes that are still kept. */
  readonly failed: number;
  readonly succeeded: number;
  /** How long the call that is served next has waited; 0 when none waits. */
  readonly oldestWaitMs: number;
  /** Last start of any call, 0 for never. */
  readonly lastStartAt: number;
  readonly min: number;
  readonly max: number;
  readonly maxConcurrency: number;
  readonly backend: string;
  readonly policy: string;
  /** Runners that the policy wants, bounds applied; `null` while that is not known. */
  readonly wanted: number | null;
  /** Why, in the policy's words. */
  readonly reasons: readonly string[];
  readonly runners: Readonly<Record<RunnerState, number>>;
  /** Slots of runners that are ready. */
  readonly slots: number;
  readonly bootFailure?: string;
  readonly blocked?: string;
  /** What the platform of an `external()` pool does not obey, in words. */
  readonly disobeys?: string;
  /** When an autoscaler last looked at this pool, 0 for never. */
  readonly autoscaledAt: number;
  /** All of this as one sentence. */
  readonly summary: string;
  /** `bad`: calls wait and nothing will start them. */
  readonly health: 'idle' | 'busy' | 'attention' | 'bad';
}

export interface RunnerView {
  readonly runnerId: string;
  readonly pool: string;
  readonly state: RunnerState;
  /** Why it is in this state. */
  readonly reason: string;
  readonly active: number;
  readonly slots: number;
  readonly served: number;
  readonly startedAt: number;
  readonly heartbeatAt: number;
  /** 0 while busy. */
  readonly idleSince: number;
  readonly release: string;
  readonly host: string;
  readonly pid: number;
  /** By the autoscaler, or started by hand. */
  readonly managed: boolean;
  readonly backend: string;
  readonly instanceId: string;
  readonly details: Readonly<Record<string, string>>;
  /** Until then nothing but an order ends it; 0 for unprotected. */
  readonly protectedUntil: number;
}

export type EventView = Omit<PoolEvent, 'type'> & { readonly type: string };

/** One moment of a pool, as the autoscaler sampled it. */
export interface Sample {
  readonly at: number;
  readonly waiting: number;
  readonly active: number;
  readonly ready: number;
  readonly booting: number;
  readonly draining: number;
  readonly wanted: number;
  readonly oldestWaitMs: number;
}

export type CallListState = 'waiting' | 'delayed' | 'running' | 'failed' | 'succeeded';

export interface CallRow {
  readonly id: string;
  readonly pool: string;
  readonly functionName: string;
  readonly state: CallListState;
  readonly generation: number;
  /** Attempts started in this generation. */
  readonly attempts: number;
  readonly runnerId: string;
  readonly enqueuedAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** For a failed call: kind and message of its error. */
  readonly text: string;
}

export interface CallQuery {
  /** All pools unless set. */
  readonly pool?: string;
  /** All states unless set. */
  readonly state?: CallListState;
  readonly functionName?: string;
  readonly limit: number;
  /** `next` of the page before; the first page without it. */
  readonly cursor?: string;
}

export interface CallPage {
  readonly calls: readonly CallRow[];
  /** Calls in the asked states, the filter by function left out. */
  readonly total: number;
  /** So many calls were looked at for this page; with a filter by function at most 2,000, so a page may be short. */
  readonly scanned: number;
  /** The cursor of the next page; `null` on the last one. Lists change while they are read, so a call may be met twice or missed. */
  readonly next: string | null;
}

export interface CallDetail {
  readonly id: string;
  readonly pool: string;
  readonly functionName: string;
  readonly state: 'waiting' | 'delayed' | 'running' | 'succeeded' | 'failed' | 'unknown';
  readonly reason: WaitingReason;
  /** Where it is and why, as a sentence; for a failed call its error. */
  readonly text: string;
  readonly generation: number;
  readonly attempts: number;
  readonly runnerLosses: number;
  /** Its attempts that did not settle it, oldest first. */
  readonly history: readonly PastAttempt[];
  readonly executorKills: number;
  readonly runnerId: string;
  readonly ahead: number;
  readonly enqueuedAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly dueAt: number;
  readonly deadlineAt: number;
  readonly waitedMs: number;
  /** Until when the outcome is kept, 0 for none. */
  readonly keptUntil: number;
  /** Encoded bytes; `null` when not known any more. */
  readonly argumentsSize: number | null;
  readonly outcomeSize: number | null;
  readonly errorKind: string;
  readonly release: string;
  readonly timeoutMs: number | null;
  readonly retries: number | null;
  /** Machine time of all its attempts, its share of what ran at once; 0 until it has come to a second. */
  readonly machineMs: number;
  /** What that time cost; `null` without a price. */
  readonly costDollars: number | null;
  readonly canRetry: boolean;
  readonly canCancel: boolean;
  readonly now: number;
}

/** Arguments, a result or an error, as far as they can be shown. */
export type Shown =
  | { readonly kind: 'value'; readonly value: Json; readonly size: number; readonly cut: boolean }
  | { readonly kind: 'error'; readonly error: ShownError; readonly size: number; readonly cut: boolean }
  /** It exists and is larger than what was asked for; nothing of it was read. */
  | { readonly kind: 'too-large'; readonly size: number; readonly limit: number }
  | { readonly kind: 'unreadable'; readonly message: string; readonly size: number }
  | { readonly kind: 'none' };

export interface ShownError {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly advice: string;
  /** Empty for viewers: it names files of the remote machine. */
  readonly stack: string;
  readonly causes: readonly string[];
}

export interface SystemView {
  readonly app: string;
  readonly release: string;
  readonly redisVersion: string;
  /** What is wrong with the Redis server's settings. */
  readonly warnings: readonly string[];
  /** Milliseconds since an autoscaler's last heartbeat; `null` when there never was one. */
  readonly autoscalerSilentMs: number | null;
  readonly now: number;
}

/** Milliseconds; 0 when there is nothing to measure. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** How long the newest calls that have succeeded waited, from when they could start, and ran. */
export interface CallTimes {
  /** Of so many calls, 200 at most. */
  readonly count: number;
  readonly waitMs: Percentiles;
  readonly runMs: Percentiles;
  /** The 95th percentiles over time, the oldest first; where no call ended there is no point. */
  readonly points: readonly { readonly at: number; readonly waitMs: number; readonly runMs: number }[];
}

/** The settings of a pool that can be changed while it runs. */
export interface TuningView {
  readonly pool: string;
  readonly configured: TunedSettings;
  /** What the autoscaler goes by, or will from its next tick. */
  readonly effective: TunedSettings;
  /** What operators have set, as they said it. */
  readonly live: Readonly<Record<string, unknown>>;
  /** Why the live settings are refused, when they are: somebody wrote them past this check. */
  readonly problems: readonly string[];
  /** Who changed them last, and when (Redis ms); '' and 0 when nobody has. */
  readonly by: string;
  readonly at: number;
}

export interface TunedSettings {
  readonly min: number;
  readonly max: number;
  readonly buffer: number;
  readonly idleShutdownAfterMs: number;
  readonly scaleDownWindowMs: number;
  /** Its name. */
  readonly policy: string;
  /** Directions in which scaling is held: '', `in`, `out` or `all`. */
  readonly paused: string;
  readonly override: { readonly desired: number; readonly until: number } | null;
}
