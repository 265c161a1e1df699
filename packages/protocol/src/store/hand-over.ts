/** Calls that are handed over as they are accepted: the numbers under which a runner offers its slots, and what is pushed to it. */
import { randomBytes } from 'node:crypto';
import type { TakenCall } from './call-store.ts';

const OFFER_BYTES = 12;
/** Drawn for many at once: one draw costs as much as the rest of an offer. */
let drawn = Buffer.alloc(0);
let used = 0;

/** @returns a number that nobody can guess, of the length that accept.lua expects */
export const newOffer = (): string => {
  if (used + OFFER_BYTES > drawn.length) {
    drawn = randomBytes(OFFER_BYTES * 256);
    used = 0;
  }
  used += OFFER_BYTES;
  return drawn.toString('base64url', used - OFFER_BYTES, used);
};

export interface Handed {
  readonly number: string;
  readonly call: TakenCall;
}

/**
 * @param confirmedAt monotonic ms since when its lock is known to be held
 * @returns what accept.lua has pushed; `undefined` for anything else
 */
export const parseHanded = (message: Buffer, confirmedAt: number): Handed | undefined => {
  const text = message.toString();
  let from = 0;
  const field = (): string => {
    const end = text.indexOf('\n', from);
    const value = end < 0 ? '' : text.slice(from, end);
    from = end < 0 ? text.length : end + 1;
    return value;
  };
  const number = field();
  const callId = field();
  const [at = 0, deadlineAt = 0, queueTimeoutMs = 0] = [field(), field(), field()].map(Number);
  if (number === '' || callId === '' || !(at > 0) || Number.isNaN(deadlineAt + queueTimeoutMs)) return undefined;
  return {
    number,
    call: {
      callId,
      attempt: 1,
      data: text.slice(from),
      attemptsMade: 0,
      pickUp: {
        generation: 1,
        ats: 1,
        attemptsBefore: 0,
        handedBack: 0,
        runnerLosses: 0,
        executorKills: 0,
        lateFaults: 0,
        settled: false,
        cancelReason: undefined,
        failOnLoss: false,
        deadlineAt,
        waitedMs: 0,
        queueTimeoutMs,
        oversizeBytes: 0,
        streamFrom: 0,
        at,
        askedAt: confirmedAt,
      },
    },
  };
};
