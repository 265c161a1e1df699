/** Refusals of Redis become errors; anything else is a fault and stays what it is. Pure. */

import { FlameError, FlameQueueFullError, FlameUnavailableError } from '@flamejs/protocol/errors';
import { missingRight } from '@flamejs/protocol/missing-rights';
import { isPassing } from '@flamejs/protocol/passing-errors';
import { MEMORY_ADVICE, type Memory } from './admission.ts';

/** Said instead of carrying the command out, or by our own client before it sent anything. */
const NOT_DONE =
  /^(MISCONF|LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|TRYAGAIN|BUSY)\b|^Connection is closed|enableOfflineQueue/;

/** @param memory what is known of the server's memory @returns the error that the caller of a call gets */
export const classifyRefusal = (error: unknown, callId: string, memory: Memory): unknown => {
  if (!(error instanceof Error) || error instanceof FlameError) return error;
  const { message } = error;
  if (message.startsWith('OOM ')) {
    return new FlameQueueFullError(`Redis has no memory left and did not accept the call: ${message}`, {
      callId,
      pending: memory.used,
      limit: memory.limit,
      advice: MEMORY_ADVICE,
      cause: error,
    });
  }
  const right = missingRight(error, undefined, callId);
  if (right !== undefined) return right;
  if (NOT_DONE.test(message)) {
    return new FlameUnavailableError(`Redis did not accept the call: ${message}`, {
      callId,
      enqueued: 'no',
      cause: error,
    });
  }
  if (isPassing(error)) {
    const text = `Redis went away while the call was being added: ${message}`;
    return new FlameUnavailableError(text, { callId, enqueued: 'unknown', cause: error });
  }
  return error;
};
