/**
 * When waiting has to end. The decision is pure; callers make it for their own calls and the autoscaler for callers that
 * are gone, and `settleWaiting` carries it out atomically.
 */
import type { PoolStatus } from './explain.ts';
import type { CallInspection } from './inspection.ts';

export type ExpiryDecision =
  /** Not its time, or not waiting: look again after so many milliseconds. */
  | { readonly kind: 'keep'; readonly againInMs: number }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'queue-timeout'; readonly waitedMs: number }
  /** No runner of the pool can be started, and since this call was made another has failed to. */
  | { readonly kind: 'unbootable' }
  /** The whole pool stands still, by the default bound of `flame.call`. */
  | { readonly kind: 'no-progress'; readonly stillMs: number };

/** How often a bound without a time of its own is looked at again. */
const LOOK_AGAIN_MS = 2_000;

/** The default bound of `flame.call`: how long its pool may stand still. */
export interface StillBound {
  /** The pool's `bootTimeout` + 30 s. */
  readonly limitMs: number;
  /** For how long whoever judges has watched the call: the rest he may have slept through, like all the others. */
  readonly watchedMs: number;
}

/**
 * @param still for a `call` without its own `queueTimeout`; `undefined` turns the default bound off (casts, explicit
 *   queueTimeout)
 * @param status the pool's entry in the registry, for the same calls
 */
export const decideExpiry = (
  call: CallInspection,
  still: StillBound | undefined,
  status?: PoolStatus,
): ExpiryDecision => {
  if (call.deadlineAt > 0 && call.now >= call.deadlineAt && call.state !== 'active' && call.state !== 'orphaned') {
    return { kind: 'deadline' };
  }
  const untilDeadline = call.deadlineAt > 0 ? Math.max(1, call.deadlineAt - call.now) : Number.POSITIVE_INFINITY;
  const keep = (ms: number): ExpiryDecision => ({ kind: 'keep', againInMs: Math.max(10, Math.min(ms, untilDeadline)) });

  if (call.state === 'delayed') return keep(Math.max(LOOK_AGAIN_MS, call.dueAt - call.now + call.queueTimeoutMs));
  // A paused pool stops the clock; a running call has left the queue.
  if (call.state !== 'waiting' || call.poolPaused) return keep(LOOK_AGAIN_MS);
  if (call.queueTimeoutMs > 0) {
    if (call.waitedMs >= call.queueTimeoutMs) return { kind: 'queue-timeout', waitedMs: call.waitedMs };
    return keep(call.queueTimeoutMs - call.waitedMs);
  }
  if (still === undefined) return keep(LOOK_AGAIN_MS);
  const { limitMs, watchedMs } = still;
  if (call.parked !== undefined) {
    // Others of the pool may go on for ever: what counts is whether a runner for this one is on its way.
    const { rolling } = call.parked;
    const forMs = Math.min(call.parked.forMs, watchedMs);
    if (rolling || forMs < limitMs) return keep(Math.max(LOOK_AGAIN_MS, limitMs - forMs));
    return { kind: 'no-progress', stillMs: forMs };
  }
  if (call.held !== undefined) {
    // Whatever else the pool does: what counts is whether a place may come free, or a token is on its way.
    const forMs = Math.min(call.waitedMs, watchedMs);
    const { moving, tokenAt } = call.held;
    if (moving > 0 || tokenAt !== undefined || forMs < limitMs) return keep(Math.max(LOOK_AGAIN_MS, limitMs - forMs));
    return { kind: 'no-progress', stillMs: forMs };
  }
  if (call.runners === 0 && isUnbootable(status, call.enqueuedAt)) return { kind: 'unbootable' };
  const stillMs = Math.min(call.waitedMs, call.now - call.lastStartAt, watchedMs);
  if (call.liveActive > 0 || stillMs < limitMs) return keep(Math.max(LOOK_AGAIN_MS, limitMs - stillMs));
  return { kind: 'no-progress', stillMs };
};

/**
 * Whoever waits is told at once. A call that is made later waits for a try of its own: the cause may be gone by then.
 * @param since Redis ms
 */
export const isUnbootable = (status: PoolStatus | undefined, since: number): boolean =>
  status?.unbootable === true && status.ready === 0 && (status.bootFailedAt ?? 0) >= since;
