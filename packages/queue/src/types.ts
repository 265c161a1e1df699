/**
 * Terminology
 * - call: one invocation of a user function, identified by a call id.
 * - pool: a named queue plus its bounds and limits.
 * - runner: one process on one machine, consuming one pool's queue.
 * - executor: a child process of a runner, in which one call at a time executes user code.
 * - attempt: one execution of a call; `retries` counts further attempts after the function's own failures.
 * - generation: everything from a call's enqueue, or a retry by hand, to its recorded outcome.
 * - function: user code with a name, made by `flame.fn`, that callers and runners both know.
 * - ship: to send a value between machines; what cannot be shipped is refused by type and by the codec.
 */
import type { ParsedBackoff } from '@flamejs/protocol/attempt/next-attempt';
import type { Duration } from '@flamejs/protocol/duration';
import type { FunctionLimit, ParsedLimit } from './limits.ts';
import type { PoolName } from './register.ts';
import type { NotShippable, ShipArgs, ShipResult, StreamOf } from './ship.ts';

export type { Bytes } from '@flamejs/protocol/bytes';
export type { Duration } from '@flamejs/protocol/duration';
export type { FunctionLimit, LimitKey, PoolLimit, PoolRefOptions, RateText } from './limits.ts';
export type { NotShippable, Ship, ShipArgs, ShippableClasses, ShipResult, StreamOf } from './ship.ts';

/** Waiting between two attempts, as data. `delay` alone is the same wait each time. */
export type Backoff =
  | Duration
  | {
      /** `'exponential'` doubles `delay` after each attempt. */
      readonly type: 'fixed' | 'exponential';
      /** The wait after the first failed attempt. */
      readonly delay: Duration;
      /** The longest wait. Default: 1 hour. */
      readonly max?: Duration | undefined;
      /** Part of the wait that is random, from 0 (default) to 1, so that calls that failed together do not return together. */
      readonly jitter?: number | undefined;
    };

/** Waiting between two attempts, computed on the runner. `attempt` is the one that failed, counted from 1. */
export type BackoffFunction = (attempt: number, error: unknown) => Duration;

/** Options that a function declares once and a call may set again; all of them data. */
export interface SharedCallOptions {
  /** Longest execution of one attempt. Default: the pool's `timeout`. */
  readonly timeout?: Duration | undefined;
  /** Longest wait for an executor, each time it waits. Default: none for `cast`; for `call`, until its pool makes no progress. */
  readonly queueTimeout?: Duration | undefined;
  /** Further attempts after the function's own failures, 0 to 99. Default: 0. */
  readonly retries?: number | undefined;
  /** How long it rests before it may start. Default: 0. */
  readonly delay?: Duration | undefined;
  /** Lower numbers start first, 0 to 2,097,151. Default: 0, before all others. */
  readonly priority?: number | undefined;
  /**
   * Cancel the call when its maker is gone: this process, or the call that makes it inside of a function. Default: false; in a
   * function true for what `flame.call` awaits, unless it has an `id`.
   */
  readonly link?: boolean | undefined;
  /** Whether it runs again after its runner was lost. Default: `'retry'`. */
  readonly onRunnerLost?: 'retry' | 'fail' | undefined;
  /** How long its result is kept. Default: 1 hour. */
  readonly resultTtl?: Duration | undefined;
  /** How long its error and arguments are kept. Default: 7 days. */
  readonly failedTtl?: Duration | undefined;
}

/** Options of one call, given through `fn.with({ … })`. */
export interface CallOptions extends SharedCallOptions {
  /** Idempotency: within a pool the same id is the same call. Any text up to 1,000 characters. Default: random. */
  readonly id?: string | undefined;
  /** When the whole call must be over: a duration from the enqueue, or a moment. Default: none. */
  readonly deadline?: Duration | Date | undefined;
  /** Cancels the call when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Wait between attempts. Default: the function's, else none. */
  readonly backoff?: Backoff | undefined;
  /** The key of those of the function's limits that have one, in the place of what they compute: at most 256 characters. */
  readonly limitKey?: string | undefined;
}

/** Options of a function, given to `flame.fn`. @typeParam Args its arguments, of which keys of limits are made */
// biome-ignore lint/suspicious/noExplicitAny: options that were written for no function in particular are good for any
export interface FunctionOptions<Args extends readonly unknown[] = any> extends SharedCallOptions {
  /** The pool that runs it. Default: the app's pool, when it has only one. */
  readonly pool?: PoolName | undefined;
  /** How long after its enqueue each call must be over. Default: none. */
  readonly deadline?: Duration | undefined;
  /** Wait between attempts; as a function it is evaluated on the runner. Default: none. */
  readonly backoff?: Backoff | BackoffFunction | undefined;
  /**
   * Of a function that yields: whether it can go on at `context().resumeFrom` when its runner is lost, or it has to run again, after some of its
   * items were read. Default: false, which ends the call then.
   */
  readonly resumable?: boolean | undefined;
  /** Asked on the runner after a failed attempt while `retries` are left; `false` ends the call. Default: always retry. */
  readonly retryIf?: ((error: unknown, attempt: number) => boolean | Promise<boolean>) | undefined;
  /** How many of its calls may run at once, in all or for each key: one limit or two, which a call needs together. Default: none. */
  readonly limit?: FunctionLimit<Args> | readonly FunctionLimit<Args>[] | undefined;
}

export const FLAME_FUNCTION: unique symbol = Symbol.for('@flamejs/function') as never;

/**
 * A function that `flame.call` can run elsewhere. Calling it directly runs it here, like any function.
 */
export interface FlameFunction<Args extends readonly unknown[] = readonly unknown[], Result = unknown> {
  (...args: Args): Result;
  /** The name by which callers and runners agree on it. */
  readonly flameName: string;
  /** Its pool; `undefined` for the app's only one. */
  readonly pool: string | undefined;
  /** @returns the same function with these options for a call. @throws FlameConfigError for a bad option, at once. */
  with(options: CallOptions): FlameFunction<Args, Result>;
  readonly [FLAME_FUNCTION]: FunctionBinding;
}

/** Any function made by `flame.fn`, whatever its arguments. */
export type AnyFlameFunction = FlameFunction<never, unknown>;

/** What a caller passes for the arguments of `F`: each one, or why it cannot be shipped. */
export type CastArgs<F> = F extends (...args: infer Args extends readonly unknown[]) => unknown
  ? ShipArgs<Args>
  : never;
/** The same for a call that awaits one value, which no function has that yields. */
export type CallArgs<F> = [StreamOfFunction<F>] extends [never]
  ? CastArgs<F>
  : [NotShippable<'this function yields items: use flame.stream'>];
/** The same for `flame.stream`. */
export type StreamArgs<F> = [StreamOfFunction<F>] extends [never]
  ? [NotShippable<'this function yields nothing: use flame.call'>]
  : CastArgs<F>;
/** What a caller gets back from `F`; of one that yields, what its generator returns. */
export type CallResult<F> = F extends (...args: never) => infer Result ? EndOf<Result> : never;
/** What a function's result comes to at its end. */
export type EndOf<Result> = [StreamOf<Result>] extends [never] ? ShipResult<Result> : ShipResult<StreamOf<Result>[1]>;
/** What `F` yields. */
export type ItemOf<F> = ShipResult<StreamOfFunction<F>[0]>;

type StreamOfFunction<F> = F extends (...args: never) => infer Result ? StreamOf<Result> : never;

/** What a flame function carries: its name, its pool, and its options, parsed. */
export interface FunctionBinding {
  readonly name: string;
  readonly pool: string | undefined;
  /** Options of `flame.fn`, overlaid with those of `.with()`. */
  readonly options: ParsedCallOptions;
  /** It is a generator function. One that returns a stream shows so only when it runs. */
  readonly yields: boolean;
  readonly resumable: boolean;
}

/** Options as given, parsed; what was not given is absent. `resolveCallOptions` fills in the rest. */
export interface ParsedCallOptions {
  readonly id?: string;
  readonly timeoutMs?: number;
  readonly queueTimeoutMs?: number;
  /** Milliseconds from the enqueue. */
  readonly deadlineInMs?: number;
  /** Epoch milliseconds. */
  readonly deadlineAt?: number;
  readonly signal?: AbortSignal;
  readonly retries?: number;
  readonly delayMs?: number;
  readonly priority?: number;
  readonly link?: boolean;
  readonly onRunnerLost?: 'retry' | 'fail';
  readonly resultTtlMs?: number;
  readonly failedTtlMs?: number;
  readonly backoff?: ParsedBackoff;
  /** Of functions alone. */
  readonly limits?: readonly ParsedLimit[];
  readonly limitKey?: string;
}

/** Options of one call with every default filled in; what has no default is `undefined`. */
export interface ResolvedCallOptions {
  readonly id: string | undefined;
  readonly timeoutMs: number;
  readonly queueTimeoutMs: number | undefined;
  readonly deadlineInMs: number | undefined;
  readonly deadlineAt: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly retries: number;
  readonly delayMs: number;
  readonly priority: number;
  /** `undefined`: its default depends on where the call is made. */
  readonly link: boolean | undefined;
  readonly onRunnerLost: 'retry' | 'fail';
  readonly resultTtlMs: number;
  readonly failedTtlMs: number;
  readonly backoff: ParsedBackoff | undefined;
}
