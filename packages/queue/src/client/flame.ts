/** What applications see of Flame: the facade's types. */

import type { Secret } from '@flamejs/protocol/secret';
import type { Logger } from 'pino';
import type { DefineWorker } from '../bullmq/types.ts';
import type { AppConfig } from '../config/types.ts';
import type { CallContext } from '../context.ts';
import type { DefineFunction } from '../fn.ts';
import type { GivenLimits, PoolRefOptions } from '../limits.ts';
import type { PoolName } from '../register.ts';
import type {
  AnyFlameFunction,
  CallArgs,
  CallResult,
  CastArgs,
  EndOf,
  ItemOf,
  ShipArgs,
  ShipResult,
  StreamArgs,
  StreamOf,
} from '../types.ts';
import type { CallHandle } from './handle.ts';
import type { MapInput, MapOptions, MapOutcome } from './map.ts';
import type { Child } from './place-child.ts';
import type { ScheduleHandle, ScheduleTiming } from './schedule.ts';
import type { FlameStream } from './stream/item-stream.ts';

type Inputs<Args extends readonly unknown[]> = Iterable<MapInput<Args>> | AsyncIterable<MapInput<Args>>;
type Mapped<Result, O extends MapOptions> = AsyncGenerator<
  O extends { readonly outcomes: true } ? MapOutcome<Result> : Result,
  void,
  void
>;

/** A pool, as the target of closures. Made by `flame.pool`. */
export interface PoolRef {
  readonly pool: string;
  /** What the closures are under that are called through it. */
  readonly limits?: GivenLimits;
}

/** What can be called: a function made by `flame.fn`, or a pool, which is followed by a closure. */
export type CallTarget = AnyFlameFunction | PoolRef;

/** What follows a target: its own arguments, or for a pool a closure and the arguments of that. */
// Not as overloads: the compiler would report a wrong argument as a wrong pool.
export type TargetArgs<T, Args extends readonly unknown[], R> =
  IsAny<T> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: of what is not typed nothing is known
      readonly any[]
    : T extends AnyFlameFunction
      ? CallArgs<T>
      : [closure: (...args: Args) => R, ...args: ShipArgs<Args>];

/** The same where a function may yield: its items are kept for those who attach. */
export type CastTargetArgs<T, Args extends readonly unknown[], R> =
  IsAny<T> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: of what is not typed nothing is known
      readonly any[]
    : T extends AnyFlameFunction
      ? CastArgs<T>
      : [closure: (...args: Args) => R, ...args: ShipArgs<Args>];

/** The same where a function must yield. */
export type StreamTargetArgs<T, Args extends readonly unknown[], R> =
  IsAny<T> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: of what is not typed nothing is known
      readonly any[]
    : T extends AnyFlameFunction
      ? StreamArgs<T>
      : [closure: (...args: Args) => R, ...args: ShipArgs<Args>];

/** What a stream of a target yields. */
export type TargetItem<T, R> =
  IsAny<T> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: of what is not typed nothing is known
      any
    : T extends AnyFlameFunction
      ? ItemOf<T>
      : ShipResult<StreamOf<R>[0]>;

/** What a call of a target comes to. */
export type TargetResult<T, R> =
  IsAny<T> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: of what is not typed nothing is known
      any
    : T extends AnyFlameFunction
      ? CallResult<T>
      : EndOf<R>;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** What an application calls functions with; made by `createFlame`. Opens nothing before the first call. */
export interface Flame {
  /**
   * Declares a function that can run elsewhere. Give it a name that stays, for calls outlive deploys.
   * @throws FlameConfigError for a bad name or option, or a name that another function has
   */
  readonly fn: DefineFunction;
  /**
   * Moves a Worker of BullMQ to runners: `flame.worker(queue, processor, options)` in the place of `new Worker(queue, processor, options)`.
   * @throws FlameConfigError when no pool serves the queue, and for an option that has its place in flame.config
   */
  readonly worker: DefineWorker;
  /**
   * Runs a function, or a closure for a pool (`flame.call(flame.pool('images'), () => …)`), on a runner and awaits its value.
   * @throws the function's own error, rehydrated, or a Flame error that says what ended the call
   */
  call<T extends CallTarget, Args extends readonly unknown[], R>(
    target: T,
    ...args: TargetArgs<T, Args, R>
  ): Promise<TargetResult<T, R>>;
  /** Like `call`, but returns once the call is durable: it is executed whatever happens to this process. */
  cast<T extends CallTarget, Args extends readonly unknown[], R>(
    target: T,
    ...args: CastTargetArgs<T, Args, R>
  ): Promise<CallHandle<TargetResult<T, R>>>;
  /**
   * Runs a function that yields, on a runner, and reads its items as they come. The function is made to wait while they are not read; leaving the
   * loop stops it.
   * @returns the items, for one reader; what ends the call otherwise is thrown by the iteration
   * @throws FlameConfigError, FlameCodecError or FlamePayloadTooLargeError, at once, for what cannot be sent
   * @example for await (const token of flame.stream(answer, question)) response.write(token);
   */
  stream<T extends CallTarget, Args extends readonly unknown[], R>(
    target: T,
    ...args: StreamTargetArgs<T, Args, R>
  ): FlameStream<TargetItem<T, R>, TargetResult<T, R>>;
  /**
   * Calls a function, or a closure for a pool, for every input, with back-pressure; an early end cancels what is under way.
   * @example for await (const webp of flame.map(resizeImage, photos.map((p) => [p, 256]), { concurrency: 20 })) …
   */
  map<T extends CallTarget, Args extends readonly unknown[], R, O extends MapOptions = MapOptions>(
    target: T,
    ...inputs: T extends AnyFlameFunction
      ? [inputs: Inputs<CallArgs<T>>, options?: O]
      : [closure: (...args: Args) => R, inputs: Inputs<ShipArgs<Args>>, options?: O]
  ): Mapped<TargetResult<T, R>, O>;
  /**
   * Starts a long-lived function: resolves when it has called `context().ready(value)`. It has no timeout unless it is
   * given one, holds its slot, and its runner stays, until it ends or its handle is stopped.
   * @throws the function's error when it fails before it is ready
   */
  placeChild<T extends CallTarget, Args extends readonly unknown[], R>(
    target: T,
    ...args: TargetArgs<T, Args, R>
  ): Promise<Child<TargetResult<T, R>>>;
  /**
   * Casts a call at every moment of a timing; run by the autoscaler. The same id again replaces the schedule.
   * @throws FlameConfigError for a bad timing, and in inline mode, which has nobody to run it
   */
  schedule<T extends CallTarget, Args extends readonly unknown[], R>(
    id: string,
    timing: ScheduleTiming,
    target: T,
    ...args: CastTargetArgs<T, Args, R>
  ): Promise<ScheduleHandle>;
  /**
   * Wraps a value that nobody is to see: it travels encrypted with the app's `encryptionKeys` even where nothing else is, and
   * whatever prints it prints `[secret]`. The function asks for it with `.reveal()`. Works for results and errors too.
   * @example flame.call(charge, flame.secret(cardNumber)), with `(card: Secret<string>) => pay(card.reveal())`
   */
  secret<T>(value: T): Secret<T>;
  /** A handle on a call made by any process. @throws FlameConfigError when `id` is not a call id of this app */
  attach<Result = unknown>(id: string): CallHandle<Result>;
  /**
   * Names a pool of the config.
   * @param options limits of the closures that are called through it
   * @throws FlameConfigError when there is none of that name, or no such limit
   */
  pool(name: PoolName, options?: PoolRefOptions): PoolRef;
  /** What the running function may know of its call. @throws FlameConfigError outside of one */
  context(): CallContext;
  /** Whether this process is a runner or one of its executors; an app can then skip its web server. */
  readonly isRunner: boolean;
  readonly config: AppConfig;
  /** Rejects pending promises with FlameClosedError and closes connections. Accepted calls go on. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Options of `createFlame`, beside the configuration. */
export interface FlameOptions {
  /**
   * `redis` (default), or `inline` for tests and scripts: same encoding, errors and context, in this process, without
   * Redis. Default: the environment's FLAME_MODE.
   */
  readonly mode?: 'redis' | 'inline';
  /** A pino logger. Default: one that writes warnings to stderr. */
  readonly logger?: Logger;
}
