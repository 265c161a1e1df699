/** What can be wrong with the items that a function yields. */
import { FlameError, type FlameErrorOptions, nameErrorClass } from './base.ts';

/**
 * - `called`: the function yields items, and `flame.call` awaits one value: use `flame.stream`
 * - `no-items`: `flame.stream` was used, and the function returned something that cannot be iterated
 * - `gone`: the items from an index on are no longer kept; `firstIndex` says where what is kept begins
 * - `second-reader`: the stream has a reader already, or has been read
 * - `run-again`: the call was retried by hand, which is a new stream
 */
export type StreamReason = 'called' | 'no-items' | 'gone' | 'second-reader' | 'run-again';

/** A stream cannot be made or read like this; `reason` says why. */
export class FlameStreamError extends FlameError {
  static override readonly code = 'FLAME_ERR_STREAM';
  static override readonly advice =
    'Read `reason`: `flame.stream` is for functions that yield, and each stream has one reader.';
  declare readonly code: 'FLAME_ERR_STREAM';
  readonly reason: StreamReason;
  /** With `gone`: the first index that can still be read. */
  declare readonly firstIndex?: number;

  static {
    nameErrorClass(FlameStreamError, 'FlameStreamError');
  }

  constructor(
    message: string,
    options: FlameErrorOptions & { readonly reason: StreamReason; readonly firstIndex?: number | undefined },
  ) {
    super(message, options);
    this.reason = options.reason;
    if (options.firstIndex !== undefined) this.firstIndex = options.firstIndex;
  }
}

/** The window of a stream was full for `readTimeout`, and its owner read nothing; the function was stopped. */
export class FlameReadTimeoutError extends FlameError {
  static override readonly code = 'FLAME_ERR_READ_TIMEOUT';
  static override readonly advice = 'Read the stream to its end or break off, or raise `readTimeout` of the pool.';
  declare readonly code: 'FLAME_ERR_READ_TIMEOUT';
  readonly timeoutMs: number;

  static {
    nameErrorClass(FlameReadTimeoutError, 'FlameReadTimeoutError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly timeoutMs: number }) {
    super(message, options);
    this.timeoutMs = options.timeoutMs;
  }
}

/** The function of a stream yielded nothing for `idleTimeout`, although it could have; it was stopped. */
export class FlameIdleTimeoutError extends FlameError {
  static override readonly code = 'FLAME_ERR_IDLE_TIMEOUT';
  static override readonly advice = 'Find out what the function waits for, or raise `idleTimeout` of the pool.';
  declare readonly code: 'FLAME_ERR_IDLE_TIMEOUT';
  readonly timeoutMs: number;

  static {
    nameErrorClass(FlameIdleTimeoutError, 'FlameIdleTimeoutError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly timeoutMs: number }) {
    super(message, options);
    this.timeoutMs = options.timeoutMs;
  }
}
