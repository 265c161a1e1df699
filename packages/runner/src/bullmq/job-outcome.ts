/** What an execution means for BullMQ: a value, an error that fails the attempt, or the job back in its queue at nobody's cost. */

import { crashError, memoryError } from '@flamejs/protocol/attempt/after-run';
import type { StopCause } from '@flamejs/protocol/attempt/stop-cause';
import { decode, unpackPayload } from '@flamejs/protocol/codec';
import { attemptTimedOut, fromPlain, type Processed } from '@flamejs/queue/internal';
import type { ExecutionResult } from '../executor/index.ts';

export type JobOutcome =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'again'; readonly why: string };

/** @param cause why we stopped it; `undefined` when we did not */
export const jobOutcome = (
  jobId: string,
  attempt: number,
  result: ExecutionResult,
  cause: StopCause | undefined,
): JobOutcome => {
  switch (result.kind) {
    case 'returned':
      return processed(result.frame);
    case 'threw':
      return failed(fromPlain({ name: result.errorName, message: result.errorMessage, stack: undefined }));
    case 'timeout':
      return failed(attemptTimedOut(jobId, attempt, result.timeoutMs));
    case 'cancelled':
      return failed(new Error(`job ${jobId} was stopped: ${result.reason}`));
    case 'memory':
      return failed(memoryError(jobId, result));
    case 'crashed':
      return failed(crashError(jobId, result));
    case 'late-fault':
      if (!result.started) return { kind: 'again', why: result.message };
      return failed(new Error(`its executor was ended by what an earlier job had left behind: ${result.message}`));
    case 'stale':
      return { kind: 'again', why: result.message };
    case 'boot-failed':
      return { kind: 'again', why: `no executor starts here: ${result.message}` };
    case 'abandoned':
      if (cause?.kind === 'shutdown') return { kind: 'again', why: cause.reason };
      // Its lock is another's by now: whatever BullMQ is told, it refuses.
      return failed(new Error(`job ${jobId} has lost its lock: somebody else may have it`));
  }
};

const processed = (frame: Uint8Array): JobOutcome => {
  const { ok, ...rest } = decode(unpackPayload(frame), CHECKED) as Processed & { value?: string };
  if (!ok) return failed(fromPlain((rest as Extract<Processed, { ok: false }>).error));
  return { kind: 'value', value: rest.value === undefined ? undefined : JSON.parse(rest.value) };
};

/** Its size was bounded where it was made. */
const CHECKED = { limit: 2 ** 31 };

const failed = (error: Error): JobOutcome => ({ kind: 'failed', error });
