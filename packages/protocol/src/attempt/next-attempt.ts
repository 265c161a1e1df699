/** When an attempt ends, and when the next one begins. Pure. */
import type { EnvelopeOptions } from '../envelope.ts';
import { FlameTimeoutError } from '../errors/index.ts';

/** A backoff as data: milliseconds; `jitter` is the share, from 0 to 1, that chance may take off. */
export type ParsedBackoff = NonNullable<EnvelopeOptions['backoff']>;

/**
 * @param attempt the attempt that failed, counted from 1
 * @param random from 0 to 1, for the jitter
 * @returns milliseconds to wait before the next one
 */
export const backoffDelay = (backoff: ParsedBackoff, attempt: number, random: () => number = Math.random): number => {
  const grown = backoff.type === 'fixed' ? backoff.delayMs : backoff.delayMs * 2 ** Math.min(attempt - 1, 60);
  return Math.round(Math.min(grown, backoff.maxMs) * (1 - backoff.jitter * random()));
};

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
