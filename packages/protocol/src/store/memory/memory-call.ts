/** A call as the memory store keeps it: what stands in Redis in its job hash. */
import type { PastAttempt } from '../../history.ts';
import type { PickUp } from '../../pick-up.ts';
import type { ParkVerdict } from '../../verdict.ts';
import type { AcceptedCall, TakenCall } from '../call-store.ts';

export interface MemoryCall {
  readonly accepted: AcceptedCall;
  readonly enqueuedAt: number;
  /** Of the maker that alone knows the call, '' for none. */
  readonly own: string;
  generation: number;
  /** Pick-ups, of all generations. */
  attempt: number;
  attemptsBefore: number;
  handedBack: number;
  attemptsMade: number;
  runnerLosses: number;
  executorKills: number;
  lateFaults: number;
  /** Who picked it up; taken away by every orderly end, so that finding it at the next pick-up means that the runner was lost. */
  runner: string | undefined;
  startedAt: number;
  lockedUntil: number;
  /** The attempt that went back to the queue in good order. */
  moved: number | undefined;
  /** When its present period of waiting began. */
  since: number;
  deadlineAt: number;
  waiters: readonly string[];
  cancelReason: string | undefined;
  parked: (ParkVerdict & { readonly at: number }) | undefined;
  hasEnded: boolean;
  history: readonly PastAttempt[];
  args: Uint8Array | undefined;
  ready: Uint8Array | undefined;
}

const MOST_HISTORY = 10;

export const newCall = (accepted: AcceptedCall, now: number): MemoryCall => {
  const { deadlineAt, deadlineInMs, delayMs, fingerprint, waiter } = accepted;
  return {
    accepted,
    enqueuedAt: now,
    own: fingerprint === '' ? waiter : '',
    generation: 1,
    attempt: 0,
    attemptsBefore: 0,
    handedBack: 0,
    attemptsMade: 0,
    runnerLosses: 0,
    executorKills: 0,
    lateFaults: 0,
    runner: undefined,
    startedAt: 0,
    lockedUntil: 0,
    moved: undefined,
    since: now + delayMs,
    deadlineAt: deadlineAt === 0 && deadlineInMs > 0 ? now + deadlineInMs : deadlineAt,
    waiters: waiter === '' ? [] : [waiter],
    cancelReason: undefined,
    parked: undefined,
    hasEnded: false,
    history: [],
    args: accepted.largeArgs,
    ready: undefined,
  };
};

/** A retry by hand: every budget and clock starts again. */
export const renewCall = (call: MemoryCall, now: number): void => {
  Object.assign(call, {
    generation: call.generation + 1,
    attemptsBefore: call.attempt,
    handedBack: 0,
    attemptsMade: 0,
    runnerLosses: 0,
    executorKills: 0,
    lateFaults: 0,
    runner: undefined,
    cancelReason: undefined,
    deadlineAt: 0,
    waiters: [],
    own: '',
    since: now,
    hasEnded: false,
  });
};

export const addWaiter = (call: MemoryCall, waiter: string): void => {
  if (waiter !== '' && !call.waiters.includes(waiter)) call.waiters = [...call.waiters, waiter];
};

/** Remembers how an attempt ended that did not settle its call. */
export const noteAttempt = (call: MemoryCall, ended: string, now: number): void => {
  const attempt: PastAttempt = {
    runnerId: call.runner ?? '',
    startedAt: call.startedAt,
    endedAt: now,
    ended,
    lines: [],
  };
  call.history = [...call.history, attempt].slice(-MOST_HISTORY);
};

/** A runner has it now. One that finds another's name in its place counts a loss. */
export const pickUp = (call: MemoryCall, runner: string, now: number, lockMs: number): void => {
  call.attempt += 1;
  if (call.runner !== undefined) {
    call.runnerLosses += 1;
    noteAttempt(call, 'its runner was lost', now);
  }
  call.runner = runner;
  call.startedAt = now;
  call.lockedUntil = now + lockMs;
};

/** @param settled whether this generation has an outcome already @param askedAt monotonic ms */
export const toTaken = (call: MemoryCall, now: number, settled: boolean, askedAt: number): TakenCall => {
  const { accepted, attempt, attemptsMade } = call;
  const facts: PickUp = {
    generation: call.generation,
    ats: attempt,
    attemptsBefore: call.attemptsBefore,
    handedBack: call.handedBack,
    runnerLosses: call.runnerLosses,
    executorKills: call.executorKills,
    lateFaults: call.lateFaults,
    settled,
    cancelReason: call.cancelReason,
    failOnLoss: accepted.failOnLoss,
    deadlineAt: call.deadlineAt,
    waitedMs: now - call.since,
    queueTimeoutMs: accepted.queueTimeoutMs,
    oversizeBytes: 0,
    streamFrom: 0,
    at: now,
    askedAt,
  };
  return { callId: accepted.id, attempt, data: accepted.data, attemptsMade, pickUp: facts };
};
