/** Why a call has not started or finished, as a typed reason and as a sentence (guarantee G7). Pure. */
import { formatDuration } from './duration.ts';
import type { CallInspection, Held, Parked } from './inspection.ts';
import { nameLimit } from './limits.ts';

/** What the autoscaler says of a pool in the registry. */
export interface PoolStatus {
  readonly min: number;
  readonly max: number;
  readonly maxConcurrency: number;
  readonly backend: string;
  readonly bootTimeoutMs: number;
  /** Redis ms of the last tick that saw this pool. */
  readonly at: number;
  /** Instances that are not gone. */
  readonly physical: number;
  readonly ready: number;
  readonly booting: number;
  /** Why the newest boot failed; absent after one that succeeded. */
  readonly bootFailure?: string;
  /** Redis ms of the newest boot that failed. */
  readonly bootFailedAt?: number;
  /** Runners fail to boot one after the other, or never will: only now and then another is tried. */
  readonly unbootable?: boolean;
  /** Why nothing is launched although it is wanted: open breaker, no capacity, quota. */
  readonly blocked?: string;
  /** The release of which runners are launched. */
  readonly release?: string;
  /** Of a pool with `external()`: the number that its platform is to reach, and whether it does. */
  readonly platform?: PlatformStatus;
}

/** What a platform is told, and what it makes of it. */
export interface PlatformStatus {
  /** Runners that it should keep. */
  readonly wanted: number;
  /** Redis ms at which the leader decided that; older than `DECISION_MS` it holds no more. */
  readonly decidedAt: number;
  /** Runners that have registered and answer. */
  readonly registered: number;
  /** Of these, how many are drained and wait to be ended or taken back. */
  readonly parked: number;
  /** What the platform does not obey, in words; absent while it does. */
  readonly disobeys?: string;
}

export type WaitingReason =
  | 'running'
  | 'reader'
  | 'cancelling'
  | 'settled'
  | 'gone'
  | 'delayed'
  | 'paused'
  | 'runner-lost'
  | 'no-autoscaler'
  | 'blocked'
  | 'boot-failed'
  | 'booting'
  | 'needs-release'
  | 'limit'
  | 'self-wait'
  | 'max-reached'
  | 'free-slot';

export interface Explanation {
  readonly reason: WaitingReason;
  readonly text: string;
}

/** An autoscaler whose last tick is older than this is taken for gone. */
const AUTOSCALER_SILENT_MS = 60_000;

export const explainWaiting = (pool: string, call: CallInspection, status: PoolStatus | undefined): Explanation => {
  const ahead =
    call.ahead === 0 ? 'it is next' : `${call.ahead} ${call.ahead === 1 ? 'call is' : 'calls are'} ahead of it`;
  switch (call.state) {
    case 'settled':
      return { reason: 'settled', text: 'it has finished' };
    case 'missing':
    case 'expired':
    case 'lost':
      return { reason: 'gone', text: 'there is no such call any more: it expired or was removed' };
    case 'active':
      if (call.cancelReason !== undefined)
        return { reason: 'cancelling', text: `it is being stopped: ${call.cancelReason}` };
      if (call.waitsForReader === true)
        return { reason: 'reader', text: `it runs on ${call.runnerId ?? 'a runner'} and waits for its reader` };
      return {
        reason: 'running',
        text: `it runs on ${call.runnerId ?? 'a runner'}, attempt ${call.attempts}, for ${seconds(call.now - call.startedAt)}`,
      };
    case 'orphaned':
      return {
        reason: 'runner-lost',
        text: `its runner ${call.runnerId ?? ''} no longer answers; it is taken back when the lock has run out`,
      };
    case 'delayed':
      return {
        reason: 'delayed',
        text: `it is due in ${seconds(call.dueAt - call.now)}${call.attemptsMade > 0 ? ' (backoff after a failed attempt)' : ''}`,
      };
    case 'waiting':
      break;
  }
  if (call.poolPaused) return { reason: 'paused', text: `pool "${pool}" is paused` };
  if (call.parked !== undefined) return { reason: 'needs-release', text: needsRelease(call.parked, status) };
  if (call.held !== undefined) return { reason: 'limit', text: holds(call.held, call.ahead, call.now) };
  if (call.runners === 0 && (status === undefined || call.now - status.at > AUTOSCALER_SILENT_MS)) {
    return {
      reason: 'no-autoscaler',
      text: `pool "${pool}" has no runner, and no autoscaler has ${status === undefined ? 'ever seen it' : `been heard of for ${seconds(call.now - status.at)}`}`,
    };
  }
  if (status?.blocked !== undefined && status.ready === 0)
    return { reason: 'blocked', text: `no runner can be started: ${status.blocked}` };
  if (status?.bootFailure !== undefined && status.ready === 0) {
    return {
      reason: 'boot-failed',
      text: `the last runner could not be started: ${status.bootFailure}; another try is made`,
    };
  }
  if (status !== undefined && status.booting > 0 && status.ready === 0) {
    return {
      reason: 'booting',
      text: `${status.booting} ${status.booting === 1 ? 'runner is' : 'runners are'} booting; ${ahead}`,
    };
  }
  if (call.selfWait && (status === undefined || status.physical >= status.max)) {
    return {
      reason: 'self-wait',
      text: `pool "${pool}" waits for itself: each of its running calls awaits another call of this pool, and no slot is free for those; give what is awaited a pool of its own, or raise max or maxConcurrency; ${ahead}`,
    };
  }
  if (status !== undefined && status.physical >= status.max) {
    return {
      reason: 'max-reached',
      text: `all slots of the pool's ${status.max} runners are taken (max ${status.max}); ${ahead}`,
    };
  }
  if (call.runners === 0) {
    return { reason: 'booting', text: `the pool has no runner yet, and its autoscaler is to start one; ${ahead}` };
  }
  const runners = call.runners === 1 ? "the pool's runner" : `the pool's ${call.runners} runners`;
  return { reason: 'free-slot', text: `it waits for a free slot of ${runners}; ${ahead}` };
};

const holds = (held: Held, before: number, now: number): string => {
  const { words, most, taken, setBy, moving, stuck, tokenAt, rate } = held;
  if (tokenAt !== undefined && rate !== undefined && taken < most) {
    const per = `${rate.calls} ${rate.calls === 1 ? 'begins' : 'begin'} in ${formatDuration(rate.perMs)}`;
    return `it waits for the ${nameLimit(words)}: ${per}, the next in ${seconds(tokenAt - now)}, ${before} before it`;
  }
  const who = setBy === undefined ? '' : ` (set by ${setBy})`;
  const ring =
    moving > 0 || stuck.length === 0
      ? ''
      : `; each call that runs there (${stuck.slice(0, 3).join(', ')}${stuck.length > 3 ? ', …' : ''}) awaits a call that a limit holds in its turn`;
  return `it waits for the ${nameLimit(words)}: ${taken} of ${most} run${who}, ${before} before it${ring}`;
};

const needsRelease = ({ wanted, found, why, releases }: Parked, status: PoolStatus | undefined): string => {
  const have = releases.length === 0 ? 'the pool has no runner' : `the pool's runners have ${releases.join(', ')}`;
  const because = {
    strict: 'the pool takes calls of its own release only',
    unknown: `release ${found} does not have the function`,
    changed: `the function is another one in release ${found}`,
  }[why];
  const rolling = status?.release === wanted ? `; the autoscaler brings up runners of ${wanted}` : '';
  const failure =
    status?.bootFailure === undefined ? '' : `; the last runner could not be started: ${status.bootFailure}`;
  return `it needs a runner of release ${wanted}; ${have}, and ${because}${rolling}${failure}`;
};

const seconds = (ms: number): string => `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
