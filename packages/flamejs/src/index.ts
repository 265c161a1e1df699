/**
 * Flame: one install. What an application names is here; backends, policies, plugins and the parts to embed have subpaths.
 */

// As a whole: an application adds its own to `Register` and `ShippableClasses`, which goes through `export *` alone.
export type * from '@flamejs/queue';
export {
  // An application
  createFlame,
  defineConfig,
  defineFunction,
  duration,
  // Errors
  FlameAccessError,
  FlameBootError,
  FlameCallLoopError,
  FlameCancelledError,
  FlameClosedError,
  FlameCodecError,
  FlameConfigError,
  FlameCrashError,
  FlameDataLossError,
  FlameDeadlineError,
  FlameError,
  FlameIdConflictError,
  FlameIdleTimeoutError,
  FlameJobMethodError,
  FlameLaunchError,
  FlameLimitDeadlockError,
  FlameMemoryError,
  FlamePayloadTooLargeError,
  FlameQueueFullError,
  FlameQueueTimeoutError,
  FlameReadTimeoutError,
  FlameReleaseError,
  FlameRemovedError,
  FlameRunnerLostError,
  FlameSealError,
  FlameStreamError,
  FlameTimeoutError,
  FlameUnavailableError,
  FlameUnknownFunctionError,
  FlameUntrustedError,
  FlameWaitTimeoutError,
  formatDuration,
  isFlameFunction,
  isNonRetryable,
  NonRetryableError,
  // Values of one's own
  registerClass,
  registerError,
  // Streams to browsers
  serveEvents,
} from '@flamejs/queue';
