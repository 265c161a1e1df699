/** The error of a call whose waiting has ended, with the reason why nothing started. */
import { FlameBootError, FlameDeadlineError, type FlameError, FlameQueueTimeoutError } from '../errors/index.ts';
import type { ExpiryDecision } from './expiry.ts';
import { explainWaiting, type PoolStatus } from './explain.ts';
import type { CallInspection } from './inspection.ts';

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
  if (status?.bootFailure !== undefined) {
    return new FlameBootError(`call ${callId}: no runner of pool "${pool}" could be started: ${status.bootFailure}`, {
      callId,
      reason: status.bootFailure,
    });
  }
  if (decision.kind === 'queue-timeout') {
    const message = `call ${callId} waited ${decision.waitedMs} ms, its queueTimeout is ${call.queueTimeoutMs} ms: ${reason}`;
    return new FlameQueueTimeoutError(message, { callId, waitedMs: decision.waitedMs, reason });
  }
  const message = `call ${callId}: pool "${pool}" has started nothing for ${decision.stillMs} ms: ${reason}`;
  return new FlameQueueTimeoutError(message, { callId, waitedMs: call.waitedMs, reason });
};
