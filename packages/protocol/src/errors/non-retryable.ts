/** Thrown by users' functions, so it is an ordinary error and no `FlameError`. */
import { nameErrorClass } from './base.ts';

const BRAND = Symbol.for('@flamejs/non-retryable');

/** Throw it from a function to say that another attempt is useless; remaining `retries` are not used. May be extended. */
export class NonRetryableError extends Error {
  static {
    nameErrorClass(NonRetryableError, 'NonRetryableError');
  }

  get [BRAND](): true {
    return true;
  }
}

/** Whether an error says that retrying is useless; true for subclasses and for another copy of this package. */
export const isNonRetryable = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && BRAND in error;
