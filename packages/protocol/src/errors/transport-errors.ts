/** What stops a call from getting into, through, or out of the queue. */
import { FlameError, type FlameErrorOptions, nameErrorClass } from './base.ts';

/**
 * Redis could not be reached within `connectTimeout`, or the connection broke while the call was being added. `enqueued`
 * says whether the call may exist: after `'no'` it does not and never will.
 */
export class FlameUnavailableError extends FlameError {
  static override readonly code = 'FLAME_ERR_UNAVAILABLE';
  static override readonly advice =
    "Check that Redis is up and reachable; call again after `enqueued: 'no'`, use an `id` to call again safely after 'unknown'.";
  declare readonly code: 'FLAME_ERR_UNAVAILABLE';
  readonly enqueued: 'no' | 'unknown';

  static {
    nameErrorClass(FlameUnavailableError, 'FlameUnavailableError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly enqueued: 'no' | 'unknown' }) {
    super(message, options);
    this.enqueued = options.enqueued;
  }
}

/** The pool already holds `maxPending` calls, or Redis is nearly out of memory; nothing was added. */
export class FlameQueueFullError extends FlameError {
  static override readonly code = 'FLAME_ERR_QUEUE_FULL';
  static override readonly advice = "Slow the callers down, raise the pool's `max`, or raise `maxPending`.";
  declare readonly code: 'FLAME_ERR_QUEUE_FULL';
  /** Calls that wait, or bytes in use when memory was the limit. */
  readonly pending: number;
  readonly limit: number;

  static {
    nameErrorClass(FlameQueueFullError, 'FlameQueueFullError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly pending: number; readonly limit: number }) {
    super(message, options);
    this.pending = options.pending;
    this.limit = options.limit;
  }
}

/** `flame.close()` was called in this process. Durable work goes on; only this process stopped waiting for it. */
export class FlameClosedError extends FlameError {
  static override readonly code = 'FLAME_ERR_CLOSED';
  static override readonly advice =
    'Await what you need before `flame.close()`, or attach to the call by its id from another process.';
  declare readonly code: 'FLAME_ERR_CLOSED';

  static {
    nameErrorClass(FlameClosedError, 'FlameClosedError');
  }
}

/** The same `id` was used before with another function or other arguments; nothing was added. */
export class FlameIdConflictError extends FlameError {
  static override readonly code = 'FLAME_ERR_ID_CONFLICT';
  static override readonly advice = 'Build `id` from everything that identifies the work, or leave it out.';
  declare readonly code: 'FLAME_ERR_ID_CONFLICT';

  static {
    nameErrorClass(FlameIdConflictError, 'FlameIdConflictError');
  }
}

/** An envelope is unsigned or its signature does not fit: it did not come from this app, or was changed. It never runs. */
export class FlameUntrustedError extends FlameError {
  static override readonly code = 'FLAME_ERR_UNTRUSTED';
  static override readonly advice =
    'Give callers and runners the same `signingKey`; if they have it, find out who else writes to this Redis.';
  declare readonly code: 'FLAME_ERR_UNTRUSTED';

  static {
    nameErrorClass(FlameUntrustedError, 'FlameUntrustedError');
  }
}

/**
 * - `no-key`: the key that it was sealed with is not configured here
 * - `tampered`: it does not open: it was changed, moved from another call, or sealed with another key of the same id
 * - `unsealed`: it stands in the open although this app seals what it stores
 * - `no-payload`: it is sealed, and the config of this process has no `payload` to open it with
 * - `failed`: a transform of `payload` threw, gave no bytes, or did not answer
 */
export type SealProblem = 'no-key' | 'tampered' | 'unsealed' | 'no-payload' | 'failed';

/**
 * Arguments, a result, an error, progress or a secret of a call could not be sealed, or could not be opened where they were
 * needed. Thrown to the caller, who also gets it when it happened on the runner; nothing of the bytes is shown.
 */
export class FlameSealError extends FlameError {
  static override readonly code = 'FLAME_ERR_SEAL';
  static override readonly advice =
    'Give callers, runners and the autoscaler the same `payload` and `encryptionKeys`, and keep an old key until nothing that it sealed is kept any more.';
  declare readonly code: 'FLAME_ERR_SEAL';
  readonly reason: SealProblem;

  static {
    nameErrorClass(FlameSealError, 'FlameSealError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly reason: SealProblem }) {
    super(message, options);
    this.reason = options.reason;
  }
}
