/** What applications see of Flame: the facade's types. */

import type { Secret } from '@flamejs/protocol/secret';
import type { Logger } from 'pino';
import type { AppConfig } from '../config/types.ts';
import type { CallContext } from '../context.ts';
import type { DefineFunction } from '../fn.ts';
import type { AnyFlameFunction, CallArgs, CallResult, ShipArgs, ShipResult } from '../types.ts';
import type { CallHandle } from './handle.ts';
import type { MapInput, MapOptions, MapOutcome } from './map.ts';
import type { Child } from './place-child.ts';
import type { ScheduleHandle, ScheduleTiming } from './schedule.ts';

type Inputs<Args extends readonly unknown[]> = Iterable<MapInput<Args>> | AsyncIterable<MapInput<Args>>;
type Mapped<Result, O extends MapOptions> = AsyncGenerator<
  O extends { readonly outcomes: true } ? MapOutcome<Result> : Result,
  void,
  void
>;

/** A pool, as the target of closures. Made by `flame.pool`. */
export interface PoolRef {
  readonly pool: string;
}

export interface Flame {
  /**
   * Declares a function that can run elsewhere. Give it a name that stays, for calls outlive deploys.
   * @throws FlameConfigError for a bad name or option, or a name that another function has
   */
  readonly fn: DefineFunction;
  /**
   * Runs a function on a runner of its pool and awaits its value.
   * @throws the function's own error, rehydrated, or a Flame error that says what ended the call
   */
  call<F extends AnyFlameFunction>(fn: F, ...args: CallArgs<F>): Promise<CallResult<F>>;
  call<Args extends readonly unknown[], R>(
    pool: PoolRef,
    closure: (...args: Args) => R,
    ...args: ShipArgs<Args>
  ): Promise<ShipResult<R>>;
  /** Like `call`, but returns once the call is durable: it is executed whatever happens to this process. */
  cast<F extends AnyFlameFunction>(fn: F, ...args: CallArgs<F>): Promise<CallHandle<CallResult<F>>>;
  cast<Args extends readonly unknown[], R>(
    pool: PoolRef,
    closure: (...args: Args) => R,
    ...args: ShipArgs<Args>
  ): Promise<CallHandle<ShipResult<R>>>;
  /**
   * Calls a function for every input, with back-pressure; an early end cancels what is under way.
   * @example for await (const webp of flame.map(resizeImage, photos.map((p) => [p, 256]), { concurrency: 20 })) …
   */
  map<F extends AnyFlameFunction, O extends MapOptions = MapOptions>(
    fn: F,
    inputs: Inputs<CallArgs<F>>,
    options?: O,
  ): Mapped<CallResult<F>, O>;
  map<Args extends readonly unknown[], R, O extends MapOptions = MapOptions>(
    pool: PoolRef,
    closure: (...args: Args) => R,
    inputs: Inputs<ShipArgs<Args>>,
    options?: O,
  ): Mapped<ShipResult<R>, O>;
  /**
   * Starts a long-lived function: resolves when it has called `context().ready(value)`. It has no timeout unless it is
   * given one, holds its slot, and its runner stays, until it ends or its handle is stopped.
   * @throws the function's error when it fails before it is ready
   */
  placeChild<F extends AnyFlameFunction>(fn: F, ...args: CallArgs<F>): Promise<Child<CallResult<F>>>;
  placeChild<Args extends readonly unknown[], R>(
    pool: PoolRef,
    closure: (...args: Args) => R,
    ...args: ShipArgs<Args>
  ): Promise<Child<ShipResult<R>>>;
  /**
   * Casts a call at every moment of a timing; run by the autoscaler. The same id again replaces the schedule.
   * @throws FlameConfigError for a bad timing, and in inline mode, which has nobody to run it
   */
  schedule<F extends AnyFlameFunction>(
    id: string,
    timing: ScheduleTiming,
    fn: F,
    ...args: CallArgs<F>
  ): Promise<ScheduleHandle>;
  schedule<Args extends readonly unknown[], R>(
    id: string,
    timing: ScheduleTiming,
    pool: PoolRef,
    closure: (...args: Args) => R,
    ...args: ShipArgs<Args>
  ): Promise<ScheduleHandle>;
  /**
   * Wraps a value that nobody is to see: it travels encrypted with the app's `encryptionKeys` even where nothing else is, and
   * whatever prints it prints `[secret]`. The function asks for it with `.reveal()`. Works for results and errors too.
   * @example flame.call(charge, flame.secret(cardNumber)), with `(card: Secret<string>) => pay(card.reveal())`
   */
  secret<T>(value: T): Secret<T>;
  /** A handle on a call made by any process. @throws FlameConfigError when `id` is not a call id of this app */
  attach<Result = unknown>(id: string): CallHandle<Result>;
  /** Names a pool of the config. @throws FlameConfigError when there is none of that name */
  pool(name: string): PoolRef;
  /** What the running function may know of its call. @throws FlameConfigError outside of one */
  context(): CallContext;
  /** Whether this process is a runner or one of its executors; an app can then skip its web server. */
  readonly isRunner: boolean;
  readonly config: AppConfig;
  /** Rejects pending promises with FlameClosedError and closes connections. Accepted calls go on. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface FlameOptions {
  /**
   * `redis` (default), or `inline` for tests and scripts: same encoding, errors and context, in this process, without
   * Redis. Default: the environment's FLAME_MODE.
   */
  readonly mode?: 'redis' | 'inline';
  /** A pino logger. Default: one that writes warnings to stderr. */
  readonly logger?: Logger;
}
