/**
 * What the runner and its executors agree on.
 *
 * - **execution**: one attempt of one call, as bytes; the runner never decodes them.
 * - **executor**: a child process (or worker thread) that runs one execution at a time.
 * - **slot**: the right to run one execution; a pool has `slots` of them and `spare` executors more, kept warm.
 */

import type { ExecutionResult } from '@flamejs/protocol/attempt/execution-result';
import type { OwnSecrets, ScopeKeys, TraceCarrier } from '@flamejs/queue/internal';
import type { CgroupSource } from './oom-kills.ts';

/** Encoded arguments: a packed frame of the codec, or the codec's JSON when it has no binary parts. */
export type EncodedArgs = Uint8Array | { readonly json: string };

export type { ExecutionResult };

export type Isolation = 'process' | 'thread';
export type OutputStream = 'stdout' | 'stderr';

export interface Execution {
  readonly callId: string;
  readonly functionName: string;
  readonly args: EncodedArgs;
  /** Counted from 1. */
  readonly attempt: number;
  /** Runners that this call has lost before. */
  readonly runnerLosses: number;
  /** Limit of this attempt, counted from the executor's start of it; `Infinity` for none. */
  readonly timeoutMs: number;
  /** When the whole call ends, epoch milliseconds; shown to the function, enforced by whoever calls `cancel`. */
  readonly deadlineAt?: number | undefined;
  /** How long the function may react to its abort signal before its executor is killed. */
  readonly killGraceMs: number;
  /** Most bytes of the encoded result. */
  readonly payloadLimit: number;
  readonly pool: string;
  /** The attempt's place among traces; read when it is sent, which is when the attempt begins. */
  readonly trace?: TraceCarrier | undefined;
  /** Keys for the secrets of this call; `undefined` when the app has none. */
  readonly secrets?: ScopeKeys | undefined;
  /** Of the caller and of this runner, for the error about a closure that is not here. */
  readonly releases?: { readonly caller: string; readonly runner: string } | undefined;
  readonly stream?: StreamOrder | undefined;
}

/** What an executor must know to yield items. */
export interface StreamOrder {
  /** Index of its first item. */
  readonly from: number;
  /** With the attempt (`ats`), what its items are sealed as. */
  readonly generation: number;
  readonly attempt: number;
  /** What it may yield before it hears more. */
  readonly items: number;
  readonly bytes: number;
}

/** Items as an executor has packed them. */
export interface ItemChunk {
  readonly first: number;
  readonly count: number;
  /** Bytes of the items. */
  readonly size: number;
  readonly bytes: Uint8Array;
}

/** The stream of an execution, as its run sees it. */
export interface StreamTap {
  onItems(chunk: ItemChunk): void;
  onPong(n: number): void;
  /** How long the function has been kept waiting by its reader; that is no time of execution. */
  readonly standstillMs: number;
  /** It begins; what is sent to it after its end goes nowhere. */
  attach(line: { credit(items: number, bytes: number): void; ping(n: number): void }): void;
}

/** What the runner hears while an execution runs. Everything is optional and must not throw. */
export interface ExecutionListener {
  /**
   * Asked when an executor is free for it. When there is doubt whether the execution may begin, a promise that resolves,
   * and never rejects, once the doubt is settled; an execution that was abandoned meanwhile does not begin.
   */
  readonly beforeStart?: () => Promise<void> | undefined;
  /** One line of output, without line break, control characters escaped. */
  readonly onLog?: (line: string, stream: OutputStream) => void;
  /** The function reported progress: the value as the codec's JSON, UTF-8. */
  readonly onProgress?: (json: Uint8Array) => void;
  /** The function said that it is up: the value as the codec's JSON, UTF-8. */
  readonly onReady?: (json: Uint8Array) => void;
  /** The function made a call of its own. Resolves with the reply's bytes; a rejection's message reaches the function. */
  readonly onNestedCall?: (request: Uint8Array) => Promise<Uint8Array>;
  /** Where its items go. */
  readonly stream?: StreamTap | undefined;
  /** The function is told to stop: at its timeout, or when it is cancelled. */
  readonly onStop?: () => void;
}

/** A running (or waiting) execution. */
export interface RunningExecution {
  /** Never rejects. */
  readonly result: Promise<ExecutionResult>;
  /** Whether an executor has begun it. */
  readonly started: boolean;
  /** Aborts the function's signal; after `killGraceMs` its executor is killed. The first reason wins. */
  cancel(reason: string): void;
  /** Kills its executor at once: for hand-back and lost locks. */
  abandon(): void;
}

export interface ExecutorPool {
  /**
   * Begins to start executors; the first comes alone, so that it is ready soonest.
   * @returns when the first is ready.
   * @throws FlameBootError when it cannot start; the pool goes on trying, with backoff, until it is closed.
   */
  start(): Promise<void>;
  /** Runs it on a free executor, or as soon as there is one. */
  execute(execution: Execution, listener?: ExecutionListener): RunningExecution;
  /** Tells what runs that the runner takes no more calls. */
  drain(reason: string): void;
  /** Number of slots. */
  readonly size: number;
  /** Executions that hold a slot or wait for one. */
  readonly active: number;
  /** Whether the newest boot that failed did so because a module threw while it was loaded. */
  readonly modulesFailed: boolean;
  /** Pids of the living executors; empty with `isolation: 'thread'`. */
  readonly pids: readonly number[];
  /** Ends every executor and what it started; running executions end as `abandoned`. Idempotent. */
  close(): Promise<void>;
}

/** The part of pino that is used here. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ExecutorPoolOptions {
  /** Executions at the same time. */
  readonly slots: number;
  readonly isolation: Isolation;
  /** Warm executors beyond `slots`, which hide the start of a replacement; 1 unless set. */
  readonly spare?: number;
  /** Absolute paths or `file:` URLs of the modules that hold the functions. */
  readonly modules: readonly string[];
  /** The patterns that they were found by; without them nothing else is ever loaded. */
  readonly functions?: readonly string[];
  /** Where loaders such as `tsx` are resolved from: the application's root. The working directory unless set. */
  readonly root?: string;
  /** The release that the root must have for calls to run, when it is derived from its files; not looked at unless set. */
  readonly release?: string | undefined;
  /** Options of node for the executors, beside those of this process that make sense for them. */
  readonly execArgv?: readonly string[];
  /** Added to the executors' environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names and patterns of variables that executors get of this process's own, beside the basics. */
  readonly passEnv?: readonly string[];
  /** What executors get by no name. */
  readonly secrets?: OwnSecrets;
  /** Path of flame.config, where there is one. */
  readonly configFile?: string | undefined;
  /** What a call may leave to the next one in its executor; nothing unless set. */
  readonly keep?: readonly ('children' | 'ports')[];
  /** Told once for each variable that code of the application reads and was not given; `advice` says what to add. */
  readonly onMissedEnv?: (name: string, advice: string) => void;
  /** Told when an executor is replaced for what a call has left in it, after its result was given. */
  readonly onLeft?: (left: { readonly functionName: string; readonly what: string }) => void;
  /** Bytes of resident memory of one executor and what it started; `undefined` for no limit. */
  readonly memoryLimit?: number | undefined;
  /** Where the kernel counts what it kills for want of memory; this process's own cgroup unless set. */
  readonly cgroup?: CgroupSource;
  /** An executor is replaced after so many calls; `undefined` for never. 1 gives each call a fresh process. */
  readonly maxCallsPerExecutor?: number | undefined;
  /** How long the modules may take to load; 60 s unless set. */
  readonly bootTimeoutMs?: number;
  /** How long an idle executor may take to begin a call before what an earlier call left behind is blamed; 15 s unless set. */
  readonly startTimeoutMs?: number;
  readonly logger: Log;
  /** Told how many executors have come up, whenever there are more than ever before. */
  readonly onWidth?: (width: number) => void;
  /** Output that belongs to no call: while modules load, and what earlier calls left running. */
  readonly onLog?: (line: string, stream: OutputStream) => void;
}
