import { FlameError } from './base.ts';
import {
  FlameAccessError,
  FlameCallLoopError,
  FlameCancelledError,
  FlameCrashError,
  FlameDataLossError,
  FlameDeadlineError,
  FlameLimitDeadlockError,
  FlameMemoryError,
  FlameQueueTimeoutError,
  FlameRemovedError,
  FlameRunnerLostError,
  FlameTimeoutError,
  FlameWaitTimeoutError,
} from './call-errors.ts';
import {
  FlameCodecError,
  FlameConfigError,
  FlameJobMethodError,
  FlamePayloadTooLargeError,
  FlameReleaseError,
  FlameUnknownFunctionError,
} from './input-errors.ts';
import { FlameBootError, FlameLaunchError } from './machine-errors.ts';
import { NonRetryableError } from './non-retryable.ts';
import { FlameIdleTimeoutError, FlameReadTimeoutError, FlameStreamError } from './stream-errors.ts';
import {
  FlameClosedError,
  FlameIdConflictError,
  FlameQueueFullError,
  FlameSealError,
  FlameUnavailableError,
  FlameUntrustedError,
} from './transport-errors.ts';

export { FlameError, type FlameErrorOptions } from './base.ts';
export * from './call-errors.ts';
export * from './input-errors.ts';
export * from './machine-errors.ts';
export { isNonRetryable, NonRetryableError } from './non-retryable.ts';
export * from './stream-errors.ts';
export * from './transport-errors.ts';

/**
 * Every error class of this package by name: the closed table by which the codec rebuilds them. It sets prototype,
 * message, stack, cause and own fields; no constructor runs. Without a prototype, for names come from outside.
 */
export const flameErrorClasses: Readonly<Record<string, { readonly prototype: Error }>> = Object.freeze(
  Object.assign(Object.create(null), {
    FlameError,
    FlameTimeoutError,
    FlameWaitTimeoutError,
    FlameQueueTimeoutError,
    FlameDeadlineError,
    FlameCancelledError,
    FlameCallLoopError,
    FlameLimitDeadlockError,
    FlameAccessError,
    FlameJobMethodError,
    FlameCrashError,
    FlameMemoryError,
    FlameRunnerLostError,
    FlameBootError,
    FlameRemovedError,
    FlameDataLossError,
    FlameUnavailableError,
    FlameCodecError,
    FlamePayloadTooLargeError,
    FlameUnknownFunctionError,
    FlameReleaseError,
    FlameUntrustedError,
    FlameConfigError,
    FlameLaunchError,
    FlameIdConflictError,
    FlameQueueFullError,
    FlameClosedError,
    FlameSealError,
    FlameStreamError,
    FlameReadTimeoutError,
    FlameIdleTimeoutError,
    NonRetryableError,
  }) as Record<string, { readonly prototype: Error }>,
);
