/** The error of a call whose waiting has ended, with the reason why nothing started. */
import {
  FlameBootError,
  FlameDeadlineError,
  type FlameError,
  FlameQueueTimeoutError,
  FlameReleaseError,
  FlameUnknownFunctionError,
} from './errors/index.ts';
import type { ExpiryDecision } from './expiry.ts';
import { explainWaiting, type PoolStatus } from './explain.ts';
import type { CallInspection, Parked } from './inspection.ts';

/** @param status the pool's entry in the registry, when the autoscaler has written one */
export const expiryError = (
  callId: string,
  pool: string,
  call: CallInspection,
  decision: Exclude<ExpiryDecision, { kind: 'keep' }>,
  status?: PoolStatus,
): FlameError => {
  const reason = explainWaiting(pool, call, status).text;
  if (decision.kind === 'deadline') {
    return new FlameDeadlineError(`call ${callId}: its deadline passed while it was ${call.state}: ${reason}`, {
      callId,
      deadlineAt: call.deadlineAt,
    });
  }
  if (call.parked !== undefined) return releaseError(callId, call.functionName, call.parked, reason);
  if ((status?.bootFailure !== undefined && call.held === undefined) || decision.kind === 'unbootable') {
    const failure = status?.bootFailure ?? reason;
    return new FlameBootError(`call ${callId}: no runner of pool "${pool}" could be started: ${failure}`, {
      callId,
      reason: failure,
    });
  }
  if (decision.kind === 'queue-timeout') {
    const message = `call ${callId} waited ${decision.waitedMs} ms, its queueTimeout is ${call.queueTimeoutMs} ms: ${reason}`;
    return new FlameQueueTimeoutError(message, { callId, waitedMs: decision.waitedMs, reason });
  }
  if (call.held !== undefined) {
    const message = `call ${callId} waited ${decision.stillMs} ms for a place that nothing can free: ${reason}`;
    return new FlameQueueTimeoutError(message, { callId, waitedMs: call.waitedMs, reason });
  }
  const message = `call ${callId}: pool "${pool}" has started nothing for ${decision.stillMs} ms: ${reason}`;
  return new FlameQueueTimeoutError(message, { callId, waitedMs: call.waitedMs, reason });
};

const releaseError = (callId: string, fn: string, parked: Parked, reason: string): FlameError => {
  const { wanted, found, why, forMs } = parked;
  const waited = `call ${callId} of "${fn}" waited ${forMs} ms for a runner of its caller's release`;
  if (why === 'unknown') {
    const message = `${waited}: release ${found} has no such function (the caller is release ${wanted}); ${reason}`;
    return new FlameUnknownFunctionError(message, { functionName: fn, advice: ADVICE });
  }
  const what = why === 'changed' ? `release ${found} has another body of it` : `release ${found} may not take it`;
  const message = `${waited}: ${what} (the caller is release ${wanted}); ${reason}`;
  return new FlameReleaseError(message, { wanted, found, advice: ADVICE });
};

const ADVICE = 'Deploy callers and runners together; a longer queueTimeout gives a deployment more time.';
