/**
 * What follows from how an attempt ended: the table of outcomes and budgets (`retries`, executors killed by somebody else,
 * late faults, hand-backs). Pure.
 */

import { encode, packPayload } from '../codec/index.ts';
import {
  FlameCancelledError,
  FlameCrashError,
  FlameDeadlineError,
  type FlameError,
  FlameMemoryError,
  FlameQueueTimeoutError,
  FlameRunnerLostError,
} from '../errors/index.ts';
import { READER_DONE } from '../stream/chunk.ts';
import type { ParkVerdict } from '../verdict.ts';
import { EXECUTOR_KILLS, LATE_FAULTS } from './budgets.ts';
import type { CallFacts } from './call-facts.ts';
import type { ExecutionResult } from './execution-result.ts';
import { attemptTimedOut, nextAttemptIn } from './next-attempt.ts';
import type { StopCause } from './stop-cause.ts';

export type Plan =
  | { readonly kind: 'value'; readonly frame: Uint8Array; readonly tail?: Uint8Array }
  /** The function's own error, as bytes that only its caller decodes. */
  | {
      readonly kind: 'thrown';
      readonly frame: Uint8Array;
      readonly errorName: string;
      readonly message: string;
      /** The end of what it yielded. */
      readonly tail?: Uint8Array;
    }
  | { readonly kind: 'error'; readonly error: FlameError; readonly tail?: Uint8Array }
  /** Another attempt at the cost of `retries`. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly message: string }
  /** Back to the head of the queue, free of `retries`. */
  | {
      readonly kind: 'again';
      readonly count?: 'f:kill' | 'f:late';
      readonly delayMs: number;
      readonly why: string;
      /** Whether anything of the call has run: then it was an attempt. */
      readonly begun: boolean;
    }
  /** Waits for a runner of its caller's release, at nobody's cost. */
  | { readonly kind: 'park'; readonly park: ParkVerdict }
  /** Somebody else has it. */
  | { readonly kind: 'drop' };

export interface AfterRun {
  readonly call: CallFacts;
  readonly result: ExecutionResult;
  /** Why we stopped it; `undefined` when we did not. */
  readonly cause: StopCause | undefined;
  /** Release of this runner. */
  readonly release: string;
  readonly random?: () => number;
}

/** The same attempt without another one after it. */
export const withoutRerun = (after: AfterRun): AfterRun => {
  const { envelope } = after.call;
  const opts = { ...envelope.opts, retries: 0, failOnLoss: true };
  return { ...after, call: { ...after.call, envelope: { ...envelope, opts } } };
};

export const planAfterRun = (after: AfterRun): Plan => {
  const { call, result, cause } = after;
  const { callId, envelope, pickUp, attempt } = call;
  const { failOnLoss } = envelope.opts;
  switch (result.kind) {
    case 'returned':
      return { kind: 'value', frame: result.frame };
    case 'threw':
      return afterThrown(after, result);
    case 'timeout':
      return retryOr(after, () => attemptTimedOut(callId, attempt, result.timeoutMs));
    case 'memory':
      return retryOr(after, () => memoryError(callId, result));
    case 'cancelled':
      // Breaking off is how a reader says that it has enough: no failure.
      if (isReaderDone(after)) return { kind: 'value', frame: packPayload(encode(undefined)) };
      return { kind: 'error', error: stopError(call, cause, result.reason) };
    case 'crashed':
      if (!result.byOutsider) return retryOr(after, () => crashError(callId, result));
      if (failOnLoss || pickUp.executorKills + 1 >= EXECUTOR_KILLS) {
        return { kind: 'error', error: crashError(callId, result, pickUp.executorKills + 1) };
      }
      return { kind: 'again', count: 'f:kill', delayMs: 0, why: 'its executor was killed from outside', begun: true };
    case 'late-fault':
      if ((failOnLoss && result.started) || pickUp.lateFaults >= LATE_FAULTS) {
        const message = `call ${callId}: its executor was ended by what an earlier call had left behind: ${result.message}`;
        return { kind: 'error', error: new FlameCrashError(message, { callId, stderr: result.message }) };
      }
      return { kind: 'again', count: 'f:late', delayMs: 0, why: result.message, begun: result.started };
    case 'stale':
      return { kind: 'again', delayMs: 0, why: result.message, begun: false };
    case 'boot-failed':
      return { kind: 'again', delayMs: 0, why: `no executor starts here: ${result.message}`, begun: false };
    case 'abandoned':
      if (cause?.kind === 'superseded') return { kind: 'drop' };
      if (failOnLoss && result.started) {
        const why = cause?.kind === 'shutdown' ? `its runner was shut down (${cause.reason})` : 'its runner lost Redis';
        const message = `call ${callId}: ${why} while it ran, and onRunnerLost is 'fail'`;
        return {
          kind: 'error',
          error: new FlameRunnerLostError(message, { callId, losses: pickUp.runnerLosses + 1 }),
        };
      }
      return {
        kind: 'again',
        delayMs: 0,
        why: cause?.kind === 'shutdown' ? cause.reason : 'its runner lost Redis',
        begun: result.started,
      };
  }
};

const isReaderDone = ({ call, cause }: AfterRun): boolean =>
  call.envelope.opts.stream !== undefined && cause?.kind === 'cancel' && cause.reason === READER_DONE;

/** Why a call of ours ends before it ran, or instead of running on. */
export const stopError = (call: CallFacts, cause: StopCause | undefined, reason: string): FlameError => {
  const { callId, pickUp } = call;
  if (cause?.kind === 'deadline') {
    return new FlameDeadlineError(`call ${callId} was stopped at its deadline, in attempt ${call.attempt}`, {
      callId,
      deadlineAt: pickUp.deadlineAt,
    });
  }
  if (cause?.kind === 'stream') return cause.error;
  if (cause?.kind === 'queue-timeout') {
    const why = 'the executors of its runner were not ready in time';
    const message = `call ${callId} waited longer than its queueTimeout of ${pickUp.queueTimeoutMs} ms: ${why}`;
    return new FlameQueueTimeoutError(message, { callId, waitedMs: pickUp.queueTimeoutMs, reason: why });
  }
  return new FlameCancelledError(`call ${callId} was cancelled: ${reason}`, { callId, reason });
};

const afterThrown = (after: AfterRun, thrown: Extract<ExecutionResult, { kind: 'threw' }>): Plan => {
  const { call, release } = after;
  const { envelope } = call;
  if (thrown.errorName === 'FlameUnknownFunctionError' || thrown.errorName === 'FlameReleaseError') {
    // A runner of the caller's release knows it; this one is newer or older.
    if (envelope.release !== release) {
      const why = thrown.errorName === 'FlameReleaseError' ? 'changed' : 'unknown';
      return { kind: 'park', park: { wanted: envelope.release, found: release, why } };
    }
  } else if (thrown.retryable) {
    const delayMs = nextAttempt(after, thrown.retryDelayMs);
    if (delayMs !== undefined) return { kind: 'retry', delayMs, message: describe(thrown) };
  }
  return { kind: 'thrown', frame: thrown.frame, errorName: thrown.errorName, message: thrown.errorMessage };
};

const describe = (thrown: { readonly errorName: string; readonly errorMessage: string }): string =>
  `${thrown.errorName}: ${thrown.errorMessage}`;

const retryOr = (after: AfterRun, makeError: () => FlameError): Plan => {
  const error = makeError();
  const delayMs = nextAttempt(after, undefined);
  if (delayMs === undefined) return { kind: 'error', error };
  return { kind: 'retry', delayMs, message: `${error.name}: ${error.message}` };
};

const nextAttempt = ({ call, random }: AfterRun, own: number | undefined): number | undefined => {
  const { retries, backoff } = call.envelope.opts;
  return nextAttemptIn({ attemptsMade: call.attemptsMade, retries, backoff }, own, random);
};

export const crashError = (
  callId: string,
  crash: Extract<ExecutionResult, { kind: 'crashed' }>,
  kills?: number,
): FlameCrashError => {
  const { exitCode, signal, stderr, fault } = crash;
  const how = signal === null ? `ended with exit code ${exitCode}` : `ended by ${signal}`;
  const message =
    kills === undefined
      ? fault === undefined
        ? `call ${callId}: its executor ${how}`
        : `call ${callId}: nothing caught an error of its function, so its executor ${how}: ${fault}`
      : `call ${callId}: its executor was killed from outside (${signal}) ${kills === 1 ? 'once' : `${kills} times`}`;
  return new FlameCrashError(message, { callId, exitCode, signal, stderr });
};

export const memoryError = (callId: string, memory: Extract<ExecutionResult, { kind: 'memory' }>): FlameMemoryError => {
  const { limitBytes, usedBytes } = memory;
  const limit = limitBytes === null ? 'the memory that Node allows' : `its limit of ${megabytes(limitBytes)}`;
  const used = usedBytes === null ? '' : ` (${megabytes(usedBytes)})`;
  return new FlameMemoryError(`call ${callId}: its executor used more than ${limit}${used} and was stopped`, {
    callId,
    limitBytes,
    usedBytes,
  });
};

const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;
