/** What a program got wrong: values, functions, releases, configuration. */
import { FlameError, type FlameErrorOptions, nameErrorClass } from './base.ts';

/** A value cannot be shipped, or bytes that arrived are not a value. Thrown before anything is enqueued, or by the reader. */
export class FlameCodecError extends FlameError {
  static override readonly code = 'FLAME_ERR_CODEC';
  static override readonly advice =
    'Send plain data: look at `path`, and pass an id, a URL or the bytes instead of a live object.';
  declare readonly code: 'FLAME_ERR_CODEC';
  /** Where: `arguments[0].user.socket`, `result.items[3]`; empty when the bytes as a whole are not readable. */
  readonly path: string;

  static {
    nameErrorClass(FlameCodecError, 'FlameCodecError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly path: string }) {
    super(message, options);
    this.path = options.path;
  }
}

/** Arguments or a result are larger than the pool's `payloadLimit`; they did not enter Redis. */
export class FlamePayloadTooLargeError extends FlameError {
  static override readonly code = 'FLAME_ERR_PAYLOAD_TOO_LARGE';
  static override readonly advice =
    "Put large data into object storage and pass its address, or raise the pool's `payloadLimit`.";
  declare readonly code: 'FLAME_ERR_PAYLOAD_TOO_LARGE';
  /** Encoded bytes; at least this many when encoding stopped at the limit. */
  readonly size: number;
  /** Bytes. */
  readonly limit: number;

  static {
    nameErrorClass(FlamePayloadTooLargeError, 'FlamePayloadTooLargeError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly size: number; readonly limit: number }) {
    super(message, options);
    this.size = options.size;
    this.limit = options.limit;
  }
}

/** No function of this name is registered here: at the call site, or on a runner of the caller's own release. */
export class FlameUnknownFunctionError extends FlameError {
  static override readonly code = 'FLAME_ERR_UNKNOWN_FUNCTION';
  static override readonly advice =
    'Make it with `flame.fn` in a module that `functions` of flame.config lists, or that of its pool.';
  declare readonly code: 'FLAME_ERR_UNKNOWN_FUNCTION';
  readonly functionName: string;
  /** Names that are registered here. */
  readonly known: readonly string[];

  static {
    nameErrorClass(FlameUnknownFunctionError, 'FlameUnknownFunctionError');
  }

  constructor(
    message: string,
    options: FlameErrorOptions & { readonly functionName: string; readonly known?: readonly string[] | undefined },
  ) {
    super(message, options);
    this.functionName = options.functionName;
    this.known = options.known ?? [];
  }
}

/** A processor of a BullMQ pool used something of its job that is there only in a process of BullMQ's own. */
export class FlameJobMethodError extends FlameError {
  static override readonly code = 'FLAME_ERR_JOB_METHOD';
  static override readonly advice =
    'Use what docs/bullmq.md lists, or open a Queue inside of the processor: the pool needs `passRedis: true` for that.';
  declare readonly code: 'FLAME_ERR_JOB_METHOD';
  /** Of the job, such as `waitUntilFinished`. */
  readonly method: string;

  static {
    nameErrorClass(FlameJobMethodError, 'FlameJobMethodError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly method: string }) {
    super(message, options);
    this.method = options.method;
  }
}

/** No runner runs the release that the call needs, and none may take it. */
export class FlameReleaseError extends FlameError {
  static override readonly code = 'FLAME_ERR_RELEASE';
  static override readonly advice =
    'Deploy callers and runners together, or wait until runners of the needed release are up.';
  declare readonly code: 'FLAME_ERR_RELEASE';
  /** The release that the call was made by. */
  readonly wanted: string;
  /** The release that refused it. */
  readonly found: string;

  static {
    nameErrorClass(FlameReleaseError, 'FlameReleaseError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly wanted: string; readonly found: string }) {
    super(message, options);
    this.wanted = options.wanted;
    this.found = options.found;
  }
}

export interface ConfigProblem {
  /** `pools.images.max`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** Configuration, options or a declaration is wrong. Lists every problem, so that one run is enough to repair all. */
export class FlameConfigError extends FlameError {
  static override readonly code = 'FLAME_ERR_CONFIG';
  static override readonly advice = 'Correct each of `problems`.';
  declare readonly code: 'FLAME_ERR_CONFIG';
  readonly problems: readonly ConfigProblem[];

  static {
    nameErrorClass(FlameConfigError, 'FlameConfigError');
  }

  constructor(message: string, options: FlameErrorOptions & { readonly problems: readonly ConfigProblem[] }) {
    super(message, options);
    this.problems = options.problems;
  }
}

/** @returns one error that lists all problems, one a line. `what` opens the message: `flame.config.ts`, `options of flame.call`. */
export const configError = (
  what: string,
  problems: readonly ConfigProblem[],
  options: FlameErrorOptions = {},
): FlameConfigError => {
  const lines = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  const head =
    lines.length === 1 ? `${what}: ${lines[0]}` : [`${what} has ${lines.length} problems:`, ...lines].join('\n  - ');
  return new FlameConfigError(head, { ...options, problems });
};
