/** What is stored of how a call ended. */

/** How one generation of a call ended; stored as JSON beside the encoded value or error. */
export interface OutcomeHead {
  readonly ok: boolean;
  /** `value` for a result, else the error's class name; for tables and metrics, never for dispatch. */
  readonly kind: string;
  /** One line for people: the error's message, cut. Empty after success. */
  readonly message: string;
  /** Attempts that started, this generation. */
  readonly attempts: number;
  readonly runnerLosses: number;
  readonly runnerId: string;
  /** Redis ms of the last attempt's start; 0 when nothing started. */
  readonly startedAt: number;
  /** Encoded size of the value or error, bytes. */
  readonly size: number;
}

export interface ParkVerdict {
  /** The caller's release, and that of the runner that may or can not take the call. */
  readonly wanted: string;
  readonly found: string;
  /** By its policy, because it has no such function, or because it has another one of that name. */
  readonly why: 'strict' | 'unknown' | 'changed';
}

/** Bodies up to this many bytes travel in the reply stream itself; larger ones are fetched from the outcome. */
export const INLINE_REPLY_BYTES = 16 * 1024;

/** Bodies of more bytes stand by themselves, so that they can go before the rest. */
export const LARGE_BODY_BYTES = 64 * 1024;

/** How long a large result that its only waiter has read is kept; milliseconds. */
export const READ_BODY_MS = 60_000;
