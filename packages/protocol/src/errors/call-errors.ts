/** How a call can end other than by its function's own value or error. The caller's promise rejects with these. */
import { FlameError, type FlameErrorOptions, nameErrorClass } from './base.ts';

/** Most bytes of an executor's stderr that travel with a `FlameCrashError`; the end is kept, for it names the cause. */
export const STDERR_TAIL_BYTES = 4096;

/**
 * One attempt ran longer than its `timeout`; its executor has been stopped. Thrown by the runner's terminator, after the
 * call's `retries` are used up. Make the function faster or raise `timeout`.
 */
export class FlameTimeoutError extends FlameError {
  static override readonly code = 'FLAME_ERR_TIMEOUT';
  static override readonly advice =
    'Raise `timeout`, split the work, or pass `context().signal` on so that it can stop early.';
  declare readonly code: 'FLAME_ERR_TIMEOUT';
  /** The limit that ran out, milliseconds of execution. */
  readonly timeoutMs: number;
  /** The attempt that it stopped, counted from 1. */
  readonly attempt: number;

  static {
    nameErrorClass(FlameTimeoutError, 'FlameTimeoutError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly timeoutMs: number; readonly attempt: number }) {
    super(message, options);
    this.timeoutMs = options.timeoutMs;
    this.attempt = options.attempt;
  }
}

/**
 * `result({ timeout })` waited for so long, and the call has not ended. Nothing was stopped: the call goes on, and a later
 * `result()` gets its outcome. Thrown by handles, in the process that waits.
 */
export class FlameWaitTimeoutError extends FlameError {
  static override readonly code = 'FLAME_ERR_WAIT_TIMEOUT';
  static override readonly advice =
    'Wait again with `result()`, look at `status()` for what it waits for, or `cancel()` it.';
  declare readonly code: 'FLAME_ERR_WAIT_TIMEOUT';
  /** Milliseconds that `result()` was to wait. */
  readonly timeoutMs: number;

  static {
    nameErrorClass(FlameWaitTimeoutError, 'FlameWaitTimeoutError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly timeoutMs: number }) {
    super(message, options);
    this.timeoutMs = options.timeoutMs;
  }
}

/**
 * The call waited longer than its `queueTimeout` for an executor, or its pool made no progress at all; it was removed
 * and will not run. `reason` says why nothing started.
 */
export class FlameQueueTimeoutError extends FlameError {
  static override readonly code = 'FLAME_ERR_QUEUE_TIMEOUT';
  static override readonly advice =
    "Look at `reason` and the pool's page: raise the pool's `max`, start an autoscaler, or raise `queueTimeout`.";
  declare readonly code: 'FLAME_ERR_QUEUE_TIMEOUT';
  /** Milliseconds that it waited. */
  readonly waitedMs: number;
  /** Why nothing started: no autoscaler, no runner, `max` reached, no capacity at the provider, … */
  readonly reason: string;

  static {
    nameErrorClass(FlameQueueTimeoutError, 'FlameQueueTimeoutError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly waitedMs: number; readonly reason: string }) {
    super(message, options);
    this.waitedMs = options.waitedMs;
    this.reason = options.reason;
  }
}

/** The whole call was not finished at its `deadline`, retries and waiting included. Nothing of it goes on. */
export class FlameDeadlineError extends FlameError {
  static override readonly code = 'FLAME_ERR_DEADLINE';
  static override readonly advice = 'Give the call a later `deadline`, fewer `retries`, or a pool with more room.';
  declare readonly code: 'FLAME_ERR_DEADLINE';
  /** Epoch milliseconds. */
  readonly deadlineAt: number;

  static {
    nameErrorClass(FlameDeadlineError, 'FlameDeadlineError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly deadlineAt: number }) {
    super(message, options);
    this.deadlineAt = options.deadlineAt;
  }
}

/** Somebody cancelled the call: a handle, the CLI, the dashboard, or `link` after its caller had gone. */
export class FlameCancelledError extends FlameError {
  static override readonly code = 'FLAME_ERR_CANCELLED';
  static override readonly advice =
    'Nothing to repair: `reason` says who cancelled it; call again if that was a mistake.';
  declare readonly code: 'FLAME_ERR_CANCELLED';
  readonly reason: string;

  static {
    nameErrorClass(FlameCancelledError, 'FlameCancelledError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly reason: string }) {
    super(message, options);
    this.reason = options.reason;
  }
}

/**
 * The process that executed the call ended by itself (`process.exit`, abort, native crash, uncaught error), or was killed
 * from outside three times. Its neighbours did not notice.
 */
export class FlameCrashError extends FlameError {
  static override readonly code = 'FLAME_ERR_CRASH';
  static override readonly advice = 'Read `stderr`: the function, or a native module that it loads, ended its process.';
  declare readonly code: 'FLAME_ERR_CRASH';
  readonly exitCode: number | null;
  /** `SIGSEGV`, `SIGABRT`, `SIGKILL`, …; `null` when it exited with a code. */
  readonly signal: string | null;
  /** The last 4 KB that it wrote to stderr. */
  readonly stderr: string;

  static {
    nameErrorClass(FlameCrashError, 'FlameCrashError');
  }

  constructor(
    message: string,
    options: FlameErrorOptions & {
      readonly exitCode?: number | null | undefined;
      readonly signal?: string | null | undefined;
      readonly stderr?: string | undefined;
    },
  ) {
    super(message, options);
    this.exitCode = options.exitCode ?? null;
    this.signal = options.signal ?? null;
    this.stderr = tail(options.stderr ?? '');
  }
}

/** The call's executor used more memory than its pool's `memoryLimit`, or ran out of heap; it was stopped. */
export class FlameMemoryError extends FlameError {
  static override readonly code = 'FLAME_ERR_MEMORY';
  static override readonly advice =
    "Raise the pool's `memoryLimit`, use a larger machine, or handle the data in smaller pieces.";
  declare readonly code: 'FLAME_ERR_MEMORY';
  /** `null` when the heap's own limit was hit and none was configured. */
  readonly limitBytes: number | null;
  /** The last measurement; `null` when it died before one was taken. */
  readonly usedBytes: number | null;

  static {
    nameErrorClass(FlameMemoryError, 'FlameMemoryError');
  }

  constructor(
    message: string,
    options: FlameErrorOptions & { readonly limitBytes: number | null; readonly usedBytes: number | null },
  ) {
    super(message, options);
    this.limitBytes = options.limitBytes;
    this.usedBytes = options.usedBytes;
  }
}

/**
 * The runner or its machine went away: more often than the call's budget allows, or once with `onRunnerLost: 'fail'`.
 * The function may have run in part.
 */
export class FlameRunnerLostError extends FlameError {
  static override readonly code = 'FLAME_ERR_RUNNER_LOST';
  static override readonly advice =
    "Look at the pool's events for what ends its machines; with `onRunnerLost: 'fail'`, check what the call already did before calling again.";
  declare readonly code: 'FLAME_ERR_RUNNER_LOST';
  /** Runners that this call has lost. */
  readonly losses: number;

  static {
    nameErrorClass(FlameRunnerLostError, 'FlameRunnerLostError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly losses: number }) {
    super(message, options);
    this.losses = options.losses;
  }
}

/** The call's record was deleted while somebody waited for it: by hand, by another tool, or by age. */
export class FlameRemovedError extends FlameError {
  static override readonly code = 'FLAME_ERR_REMOVED';
  static override readonly advice =
    'Find what deletes keys under the prefix of this app; call again if the work is still wanted.';
  declare readonly code: 'FLAME_ERR_REMOVED';

  static {
    nameErrorClass(FlameRemovedError, 'FlameRemovedError');
  }
}

/** Redis came back without the call: it lost accepted writes. Whether the function ran is not known. */
export class FlameDataLossError extends FlameError {
  static override readonly code = 'FLAME_ERR_DATA_LOSS';
  static override readonly advice =
    'Turn on `appendonly` (AOF) in Redis; check what the call already did before calling again.';
  declare readonly code: 'FLAME_ERR_DATA_LOSS';

  static {
    nameErrorClass(FlameDataLossError, 'FlameDataLossError');
  }
}

/**
 * - `loading`: the module that holds the function of a call makes calls while it is being loaded for it
 * - `depth`: more calls than `maxCallDepth` would await each other in a row
 * - `rate`: functions that cast themselves, directly or through others, more often than `maxLoopRate` allows
 */
export type LoopReason = 'loading' | 'depth' | 'rate';

/** A call that calls would make without end: refused where it is made, before anything is enqueued. */
export class FlameCallLoopError extends FlameError {
  static override readonly code = 'FLAME_ERR_CALL_LOOP';
  static override readonly advice =
    'Look at `line` for the functions that call each other; for a chain that is meant, raise `maxCallDepth` or `maxLoopRate`, or cast with a `delay`.';
  declare readonly code: 'FLAME_ERR_CALL_LOOP';
  readonly reason: LoopReason;
  /** The functions that made the call, each once, from the outermost inwards; empty while modules load. */
  readonly line: readonly string[];

  static {
    nameErrorClass(FlameCallLoopError, 'FlameCallLoopError');
  }

  constructor(
    message: string,
    options: FlameErrorOptions & { readonly reason: LoopReason; readonly line?: readonly string[] },
  ) {
    super(message, options);
    this.reason = options.reason;
    this.line = options.line ?? [];
  }
}

/**
 * A function would await a call that is under a limit and key of which its own call, or one that awaits that, holds a place. With all
 * places taken, it would wait for itself; so it is refused at once, however large the limit is, and nothing was enqueued.
 */
export class FlameLimitDeadlockError extends FlameError {
  static override readonly code = 'FLAME_ERR_LIMIT_DEADLOCK';
  static override readonly advice =
    'Give what is awaited a limit or a key of its own, or cast it and let it report by itself.';
  declare readonly code: 'FLAME_ERR_LIMIT_DEADLOCK';
  /** The functions that await each other, from the outermost inwards. */
  readonly line: readonly string[];

  static {
    nameErrorClass(FlameLimitDeadlockError, 'FlameLimitDeadlockError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly line?: readonly string[] }) {
    super(message, options);
    this.line = options.line ?? [];
  }
}

/** A function asked for the result, the status or the end of a call that it neither made nor was given. */
export class FlameAccessError extends FlameError {
  static override readonly code = 'FLAME_ERR_ACCESS';
  static override readonly advice =
    "Pass the call's id to the function as an argument, or declare `callAccess: 'all'` for the pool that runs it.";
  declare readonly code: 'FLAME_ERR_ACCESS';

  static {
    nameErrorClass(FlameAccessError, 'FlameAccessError');
  }
}

function tail(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= STDERR_TAIL_BYTES) return text;
  let start = bytes.length - STDERR_TAIL_BYTES;
  // Never start inside a character.
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.toString('utf8', start);
}
