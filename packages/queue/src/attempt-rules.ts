/** What holds for an attempt wherever it runs, on a runner or in inline mode. Pure. */
import { FlameTimeoutError } from '@flamejs/protocol/errors';
import { backoffDelay } from './backoff.ts';
import type { ParsedBackoff } from './types.ts';

/** Runners or machines lost under a call; nobody is blamed, and it ends at one more. */
export const MOST_RUNNER_LOSSES = 10;

/** Beyond it there is no Date. */
const MAX_DATE_MS = 8.64e15;

/** @returns when an attempt that starts at `now` is stopped, for `context().deadline`; `undefined` when nothing bounds it */
export const attemptEndsAt = (now: number, timeoutMs: number, deadlineAt: number | undefined): Date | undefined => {
  const at = Math.min(now + timeoutMs, deadlineAt ?? Number.POSITIVE_INFINITY);
  return Math.abs(at) <= MAX_DATE_MS ? new Date(at) : undefined;
};

export interface Tries {
  /** Attempts that were charged before this one. */
  readonly attemptsMade: number;
  readonly retries: number;
  readonly backoff: ParsedBackoff | undefined;
}

/**
 * @param own what the function's own backoff asks for, ms; what the call was given wins over it
 * @returns ms to wait before the next attempt; `undefined` when none is left
 */
export const nextAttemptIn = (
  { attemptsMade, retries, backoff }: Tries,
  own: number | undefined,
  random?: () => number,
): number | undefined => {
  if (attemptsMade >= retries) return undefined;
  return backoff === undefined ? (own ?? 0) : backoffDelay(backoff, attemptsMade + 1, random);
};

export const attemptTimedOut = (callId: string, attempt: number, timeoutMs: number): FlameTimeoutError =>
  new FlameTimeoutError(
    `call ${callId}: attempt ${attempt} ran longer than its timeout of ${timeoutMs} ms and was stopped`,
    { callId, timeoutMs, attempt },
  );
