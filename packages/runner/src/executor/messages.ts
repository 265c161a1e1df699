/** The messages between a runner and one executor. Bytes pass through; structure is checked where it arrives. */
import type { ScopeKeys, TraceCarrier } from '@flamejs/queue/internal';
import type { EncodedArgs, Execution, StreamOrder } from './types.ts';

export interface BootMessage {
  readonly t: 'boot';
  readonly modules: readonly string[];
  /** The patterns that they were found by. */
  readonly functions: readonly string[];
  /** The application's root: where its compiler and the modules of its closures are. */
  readonly root: string;
  /** What the runner goes by, when it is derived from the files there: an executor that finds other ones runs nothing. */
  readonly release: string | undefined;
  /** Directory for the temporary files of its calls; it makes and empties it itself. */
  readonly tempDir: string;
  /** Names of variables that the runner has and this executor was not given. */
  readonly withheld: readonly string[];
  /** Path of flame.config, where there is one. */
  readonly configFile: string | undefined;
  /** What calls may leave to the next. */
  readonly keep: readonly Kept[];
}

/** What a call can leave behind that holds on to something outside of the process. */
export type Kept = 'children' | 'ports';

export interface CallMessage {
  readonly t: 'call';
  /** Number of the call on this executor: what every later message of it refers to. */
  readonly seq: number;
  readonly callId: string;
  readonly functionName: string;
  readonly args: EncodedArgs;
  readonly attempt: number;
  readonly runnerLosses: number;
  readonly timeoutMs: number;
  readonly deadlineAt: number | undefined;
  readonly payloadLimit: number;
  readonly pool: string;
  readonly trace: TraceCarrier | undefined;
  readonly secrets: ScopeKeys | undefined;
  readonly releases: { readonly caller: string; readonly runner: string } | undefined;
  /** Of a call whose items are wanted. */
  readonly stream: StreamOrder | undefined;
}

/** Field by field: copies of objects cost more than what is in them. The trace is read here, for the attempt begins now. */
export const callMessage = (seq: number, execution: Execution): CallMessage => ({
  t: 'call',
  seq,
  callId: execution.callId,
  functionName: execution.functionName,
  args: execution.args,
  attempt: execution.attempt,
  runnerLosses: execution.runnerLosses,
  timeoutMs: execution.timeoutMs,
  deadlineAt: execution.deadlineAt,
  payloadLimit: execution.payloadLimit,
  pool: execution.pool,
  trace: execution.trace,
  secrets: execution.secrets,
  releases: execution.releases,
  stream: execution.stream,
});

export type ToExecutor =
  | BootMessage
  | CallMessage
  | { readonly t: 'abort'; readonly seq: number; readonly cause: 'timeout' | 'cancelled'; readonly reason: string }
  /** The runner takes no more calls. */
  | { readonly t: 'drain'; readonly reason: string }
  /** Answer to a nested call: bytes, or the message of an error. */
  | { readonly t: 'reply'; readonly id: number; readonly bytes?: Uint8Array; readonly error?: string }
  /** So many items and bytes may have been yielded since the beginning. */
  | { readonly t: 'credit'; readonly seq: number; readonly items: number; readonly bytes: number }
  /** Asks for a `pong`: code that spins cannot send one. */
  | { readonly t: 'ping'; readonly seq: number; readonly n: number }
  /** Run the exit handlers and end. */
  | { readonly t: 'exit' };

/** Bytes that were written to stdout and stderr so far, by which the runner tells one call's output from the next one's. */
export type OutputMarks = readonly [stdout: number, stderr: number];

export type FromExecutor =
  /** `heapLimit`: bytes that V8 allows itself. */
  | { readonly t: 'ready'; readonly heapLimit: number }
  | { readonly t: 'boot-failed'; readonly message: string }
  /** Only when the start could not be marked the cheap way. */
  | { readonly t: 'started'; readonly seq: number }
  | {
      readonly t: 'returned';
      readonly seq: number;
      readonly frame: Uint8Array;
      readonly marks: OutputMarks | undefined;
      /** Something of the call may still be there: `clean` or `left` follows. */
      readonly unfinished: boolean;
    }
  | {
      readonly t: 'threw';
      readonly seq: number;
      readonly frame: Uint8Array;
      readonly retryable: boolean;
      readonly retryDelayMs: number | undefined;
      readonly errorName: string;
      readonly errorMessage: string;
      readonly marks: OutputMarks | undefined;
      readonly unfinished: boolean;
    }
  | { readonly t: 'progress'; readonly seq: number; readonly json: Uint8Array }
  /** The function is up: the value for whoever placed it. */
  | { readonly t: 'up'; readonly seq: number; readonly json: Uint8Array }
  | {
      readonly t: 'items';
      readonly seq: number;
      /** Index of its first item. */
      readonly first: number;
      readonly count: number;
      /** Bytes of its items. */
      readonly size: number;
      readonly bytes: Uint8Array;
    }
  | { readonly t: 'pong'; readonly seq: number; readonly n: number }
  | { readonly t: 'log'; readonly seq: number; readonly text: string }
  | { readonly t: 'nested'; readonly seq: number; readonly id: number; readonly bytes: Uint8Array }
  /** An uncaught error of the running call; the executor ends by itself right after. `text` is what Node would print. */
  | { readonly t: 'fault'; readonly seq: number; readonly text: string }
  /** The files of the application are others than those that it has loaded: the call belongs on a fresh executor. */
  | { readonly t: 'stale'; readonly seq: number; readonly message: string }
  /** Code of the application has asked for a variable that is withheld. `inConfig`: flame.config itself, and nobody else. */
  | { readonly t: 'missed-env'; readonly name: string; readonly inConfig: boolean }
  /** This variable was put back after a call, although a module may have set it for good. */
  | { readonly t: 'env-doubt'; readonly name: string }
  /** After an outcome with `unfinished`: what the call had left is gone, and the next may come. */
  | { readonly t: 'clean'; readonly seq: number }
  /** It has not gone: this executor is not to be used any more. `what` names it. */
  | { readonly t: 'left'; readonly seq: number; readonly what: string }
  /** A fault of a call that had already ended: this executor is not to be used any more. */
  | { readonly t: 'late-fault'; readonly message: string };

const isBytes = (value: unknown): boolean => value instanceof Uint8Array;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isMarks = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.length === 2 && value.every(Number.isFinite));

type Shape = Readonly<Record<string, 'string' | 'number' | 'boolean' | ((value: unknown) => boolean)>>;

const shapes: Readonly<Record<FromExecutor['t'], Shape>> = {
  ready: { heapLimit: 'number' },
  'boot-failed': { message: 'string' },
  started: { seq: 'number' },
  returned: { seq: 'number', frame: isBytes, marks: isMarks, unfinished: 'boolean' },
  threw: {
    seq: 'number',
    frame: isBytes,
    retryable: 'boolean',
    retryDelayMs: (value) => value === undefined || Number.isFinite(value),
    errorName: 'string',
    errorMessage: 'string',
    marks: isMarks,
    unfinished: 'boolean',
  },
  progress: { seq: 'number', json: isBytes },
  up: { seq: 'number', json: isBytes },
  items: { seq: 'number', first: isCount, count: isCount, size: isCount, bytes: isBytes },
  pong: { seq: 'number', n: 'number' },
  log: { seq: 'number', text: 'string' },
  nested: { seq: 'number', id: 'number', bytes: isBytes },
  fault: { seq: 'number', text: 'string' },
  stale: { seq: 'number', message: 'string' },
  'missed-env': { name: 'string', inConfig: 'boolean' },
  'env-doubt': { name: 'string' },
  clean: { seq: 'number' },
  left: { seq: 'number', what: 'string' },
  'late-fault': { message: 'string' },
};

const checks: ReadonlyMap<unknown, readonly (readonly [string, Shape[string]])[]> = new Map(
  Object.entries(shapes).map(([kind, shape]) => [kind, Object.entries(shape)]),
);

/**
 * User code shares the executor's process and may write to its channel, so nothing that arrives is taken on trust.
 * @returns the message, or `undefined` for anything else.
 */
export const parseFromExecutor = (value: unknown): FromExecutor | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const shape = checks.get(fields.t);
  if (shape === undefined) return undefined;
  for (const [name, check] of shape) {
    const field = fields[name];
    if (typeof check === 'string' ? typeof field !== check : !check(field)) return undefined;
  }
  return value as FromExecutor;
};
