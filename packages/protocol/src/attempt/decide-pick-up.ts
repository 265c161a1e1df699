/** Decides what becomes of a call that has just been picked up, before anything of it runs. Pure. */

import { type Envelope, MOST_ENVELOPE_BYTES } from '../envelope.ts';
import {
  FlameCancelledError,
  FlameCodecError,
  FlameDeadlineError,
  type FlameError,
  FlamePayloadTooLargeError,
  FlameQueueTimeoutError,
  FlameRunnerLostError,
  FlameUntrustedError,
} from '../errors/index.ts';
import type { PickUp } from '../pick-up.ts';
import type { ParkVerdict } from '../verdict.ts';
import { lostAfterItems } from './after-items.ts';
import { PICK_UPS, RUNNER_LOSSES } from './budgets.ts';

export interface PickedUp {
  readonly callId: string;
  readonly pool: string;
  readonly pickUp: PickUp;
  /** Or a sentence that says what is wrong with it. */
  readonly envelope: Envelope | string;
  /** Why it must not be executed; `undefined` when it may be. */
  readonly distrust: string | undefined;
  /** This runner is to start nothing any more. */
  readonly closed: boolean;
  readonly release: string;
  /** By this runner's own config, whatever the call says. */
  readonly strict: boolean;
  /** What calls of other releases asked for that this runner's executors did not have, and why. */
  readonly missing: Missing;
}

/** Functions, by their names or ids, that are not in this runner's release. */
export type Missing = ReadonlyMap<string, 'unknown' | 'changed'>;

export type PickUpDecision =
  /** It has an outcome already: only its place in the queue has to be cleared. */
  | { readonly kind: 'finish' }
  | { readonly kind: 'hand-back' }
  | { readonly kind: 'settle'; readonly error: FlameError }
  /** It needs a runner of another release. */
  | { readonly kind: 'park'; readonly park: ParkVerdict }
  | { readonly kind: 'run'; readonly envelope: Envelope };

export const decidePickUp = (call: PickedUp): PickUpDecision => {
  const { pickUp, envelope } = call;
  // First of all: after a drain was acknowledged, nothing may start here.
  if (call.closed) return { kind: 'hand-back' };
  if (pickUp.settled) return { kind: 'finish' };
  const error = refusal(call);
  if (error !== undefined) return { kind: 'settle', error };
  if (typeof envelope === 'string') return { kind: 'hand-back' };
  const park = mismatch(envelope, call);
  return park === undefined ? { kind: 'run', envelope } : { kind: 'park', park };
};

const mismatch = (envelope: Envelope, { release, strict, missing }: PickedUp): ParkVerdict | undefined => {
  if (envelope.release === release) return undefined;
  const why = strict || envelope.opts.strict === true ? 'strict' : missing.get(envelope.fn);
  return why === undefined ? undefined : { wanted: envelope.release, found: release, why };
};

const refusal = (call: PickedUp): FlameError | undefined => {
  const { callId, pickUp, envelope, distrust } = call;
  const { cancelReason, deadlineAt, failOnLoss, runnerLosses, queueTimeoutMs, waitedMs } = pickUp;
  if (cancelReason !== undefined) {
    return new FlameCancelledError(`call ${callId} was cancelled: ${cancelReason}`, { callId, reason: cancelReason });
  }
  if (deadlineAt > 0 && pickUp.at >= deadlineAt) {
    return new FlameDeadlineError(`call ${callId}: its deadline passed before it could be executed`, {
      callId,
      deadlineAt,
    });
  }
  if (pickUp.oversizeBytes > 0) return tooLarge(callId, pickUp.oversizeBytes, MOST_ENVELOPE_BYTES);
  if (typeof envelope === 'string') {
    return new FlameCodecError(`call ${callId} cannot be read: ${envelope}`, { callId, path: 'envelope' });
  }
  if (distrust !== undefined) {
    return new FlameUntrustedError(`call ${callId} is not executed: ${distrust}`, { callId });
  }
  if (runnerLosses > 0 && failOnLoss) {
    return new FlameRunnerLostError(`call ${callId}: its runner was lost, and onRunnerLost is 'fail'`, {
      callId,
      losses: runnerLosses,
    });
  }
  if (runnerLosses > RUNNER_LOSSES) {
    return new FlameRunnerLostError(`call ${callId} has lost ${runnerLosses} runners`, {
      callId,
      losses: runnerLosses,
    });
  }
  if (pickUp.streamFrom < 0) return lostAfterItems(callId, -1 - pickUp.streamFrom, runnerLosses);
  if (pickUp.ats - pickUp.attemptsBefore > PICK_UPS) {
    return new FlameRunnerLostError(`call ${callId} was taken up ${PICK_UPS} times without coming to an end`, {
      callId,
      losses: runnerLosses,
    });
  }
  if (queueTimeoutMs > 0 && waitedMs > queueTimeoutMs) {
    const reason = `no executor of pool "${call.pool}" was free in time`;
    const message = `call ${callId} waited ${waitedMs} ms, its queueTimeout is ${queueTimeoutMs} ms: ${reason}`;
    return new FlameQueueTimeoutError(message, { callId, waitedMs, reason });
  }
  return undefined;
};

/** What stands in Redis was not put there by a caller, which would have been refused. */
export const tooLarge = (callId: string, size: number, limit: number): FlamePayloadTooLargeError =>
  new FlamePayloadTooLargeError(
    `call ${callId} is not executed: it holds ${size} bytes in Redis, at most ${limit} are read`,
    {
      callId,
      size,
      limit,
    },
  );
