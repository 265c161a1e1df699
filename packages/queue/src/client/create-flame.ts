/**
 * The facade that applications use. It is lazy: task modules import it in executors too, so nothing is opened, and no
 * timer started, before the first call.
 */
import type { Logger } from 'pino';
import { resolveCallOptions } from '../call-options.ts';
import { encode, payloadSize } from '../codec/index.ts';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { type CallContext, currentContext } from '../context.ts';
import { MAX_DURATION_MS } from '../duration.ts';
import { FlameClosedError } from '../errors/index.ts';
import { configError } from '../errors/input-errors.ts';
import { type DefineFunction, defineFunction, isFlameFunction } from '../fn.ts';
import { newCallId, poolOfCallId, userCallId } from '../protocol/call-id.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { Secret } from '../secret.ts';
import type { AnyFlameFunction, CallArgs, CallResult, ParsedCallOptions, ShipArgs, ShipResult } from '../types.ts';
import { FLAME_FUNCTION } from '../types.ts';
import type { CallMaker } from './call-maker.ts';
import type { CallRequest } from './caller.ts';
import { closureOf } from './closure-target.ts';
import { isExecutor } from './executor-side.ts';
import type { CallHandle } from './handle.ts';
import { lazyHandle } from './lazy-handle.ts';
import { type MapInput, type MapOptions, type MapOutcome, mapCalls } from './map.ts';
import { onAbort } from './on-abort.ts';
import { type Child, placeChild } from './place-child.ts';
import type { ScheduleHandle, ScheduleTiming } from './schedule.ts';
import { secretsHere } from './secrets-here.ts';
import { settleWith } from './settle-with.ts';

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
    inputs: Iterable<MapInput<CallArgs<F>>> | AsyncIterable<MapInput<CallArgs<F>>>,
    options?: O,
  ): AsyncGenerator<O extends { readonly outcomes: true } ? MapOutcome<CallResult<F>> : CallResult<F>, void, void>;
  /**
   * Starts a long-lived function: resolves when it has called `context().ready(value)`. It has no timeout unless it is
   * given one, holds its slot, and its runner stays, until it ends or its handle is stopped.
   * @throws the function's error when it fails before it is ready
   */
  placeChild<F extends AnyFlameFunction>(fn: F, ...args: CallArgs<F>): Promise<Child<CallResult<F>>>;
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

/** @param config what `defineConfig` returned */
export const createFlame = (config: AppConfig, options: FlameOptions = {}): Flame => {
  const mode = options.mode ?? (process.env.FLAME_MODE === 'inline' ? 'inline' : 'redis');
  let making: Promise<CallMaker> | undefined;
  let closed = false;

  const maker = (): Promise<CallMaker> => {
    if (closed) return Promise.reject(new FlameClosedError('this flame object has been closed'));
    making ??= loadMaker(config, mode, options.logger);
    return making;
  };

  const poolConfig = (name: string): PoolConfig => {
    const pool = Object.hasOwn(config.pools, name) ? config.pools[name] : undefined;
    if (pool !== undefined) return pool;
    const known = Object.keys(config.pools)
      .map((n) => `"${n}"`)
      .join(', ');
    return refuse('pool', `there is no pool "${name}" in the config of app "${config.app}"; it has ${known}`);
  };

  /** @param scope of its secrets, when they are not this one call's */
  const request = (target: unknown, args: readonly unknown[], kind: CallRequest['kind'], scope?: string): Asked => {
    const { name, pool: poolName, options: given, values, root } = resolveTarget(target, args);
    const pool = poolConfig(poolName ?? onlyPool(config, name));
    const options = resolveCallOptions(given, pool);
    const id = options.id === undefined ? newCallId(pool.name) : userCallId(pool.name, options.id);
    const secrets = secretsHere(config, scope ?? id);
    const payload = encode(values, { limit: pool.payloadLimit, root, secrets });
    return {
      id,
      ...(scope === undefined ? {} : { scope }),
      pool,
      functionName: name,
      payload,
      payloadSize: payloadSize(payload),
      options,
      kind,
    };
  };

  const call = (target: unknown, ...args: unknown[]): Promise<unknown> => {
    // Captures the caller's stack without formatting it; it is read only when the call fails.
    const local = new Error();
    return new Promise((resolve, reject) => {
      // Encoded before anything is awaited: what the caller does to its arguments afterwards is not seen.
      const asked = request(target, args, 'call');
      const { signal } = asked.options;
      if (signal?.aborted) return reject(signal.reason);
      const { id } = asked;
      const making = maker();
      const forget = onAbort(signal, () => {
        reject(signal?.reason);
        making.then((calls) => calls.abort(id, asked.pool, describeAbort(signal))).catch(() => undefined);
      });
      const settler = {
        resolve(outcome: Outcome): void {
          forget();
          settleWith(outcome, secretsHere(config, id), local, resolve, reject);
        },
        reject(error: unknown): void {
          forget();
          reject(error);
        },
      };
      making.then((calls) => calls.submit(asked, settler, id)).catch((error) => settler.reject(error));
    });
  };

  const cast = async (target: unknown, ...args: unknown[]): Promise<CallHandle<unknown>> => {
    const asked = request(target, args, 'cast');
    const { signal } = asked.options;
    signal?.throwIfAborted();
    const calls = await maker();
    const id = await calls.submit(asked, undefined, asked.id);
    onAbort(signal, () => calls.abort(id, asked.pool, describeAbort(signal)));
    return calls.handle(asked.pool, id);
  };

  const map: Flame['map'] = (fn, inputs, mapOptions) => {
    const given = fn[FLAME_FUNCTION].options.signal;
    const one = (args: readonly unknown[], signal: AbortSignal): Promise<unknown> => {
      const either = given === undefined ? signal : AbortSignal.any([given, signal]);
      return call(fn.with({ signal: either }), ...args);
    };
    return mapCalls(one, inputs, mapOptions) as never;
  };

  const flame: Flame = {
    fn: defineFunction,
    map,
    async placeChild(fn, ...args) {
      const endless = fn[FLAME_FUNCTION].options.timeoutMs === undefined ? fn.with({ timeout: MAX_DURATION_MS }) : fn;
      const asked = request(endless, args, 'cast');
      const calls = await maker();
      const id = await calls.submit(asked, undefined, asked.id);
      return placeChild(calls.handle(asked.pool, id), () => calls.readiness(asked.pool, id));
    },
    schedule: async (id, timing, fn, ...args) =>
      (await maker()).schedule(id, timing, request(fn, args, 'cast', `schedule:${id}`)),
    call: call as Flame['call'],
    cast: cast as Flame['cast'],
    attach: (id) => {
      const pool = poolConfig(poolOfCallId(id));
      return lazyHandle(id, async () => (await maker()).handle(pool, id));
    },
    secret: (value) => Secret.of(value),
    pool: (name) => ({ pool: poolConfig(name).name }),
    context: currentContext,
    isRunner: process.env.FLAME_RUNNER_ID !== undefined,
    config,
    async close() {
      closed = true;
      await (await making)?.close();
    },
    [Symbol.asyncDispose]: () => flame.close(),
  };
  return flame;
};

const loadMaker = async (
  config: AppConfig,
  mode: 'redis' | 'inline',
  logger: Logger | undefined,
): Promise<CallMaker> => {
  if (isExecutor()) return (await import('./nested.ts')).createNestedCaller(config);
  if (mode === 'inline') return (await import('./inline.ts')).createInlineCaller(config);
  return (await import('./over-redis.ts')).createRedisCaller(config, logger);
};

/** A request, and the id that its call will have. */
type Asked = CallRequest & { readonly id: string };

interface Target {
  readonly name: string;
  readonly pool: string | undefined;
  readonly options: ParsedCallOptions;
  readonly values: unknown;
  /** How errors about a value begin their path. */
  readonly root: string;
}

const resolveTarget = (target: unknown, args: readonly unknown[]): Target => {
  if (isFlameFunction(target)) {
    const { name, pool, options } = target[FLAME_FUNCTION];
    return { name, pool, options, values: args, root: 'argument' };
  }
  const closure = closureOf(target, args);
  if (closure !== undefined) return { ...closure, options: {} };
  const found =
    typeof target === 'function'
      ? `the plain function ${target.name || '(anonymous)'}`
      : `a value of type ${typeof target}`;
  return refuse('target', `flame.call needs a function made by flame.fn(name, options, fn), got ${found}`);
};

const onlyPool = (config: AppConfig, name: string): string => {
  const [only, ...others] = Object.keys(config.pools);
  if (only !== undefined && others.length === 0) return only;
  return refuse(
    'pool',
    `function "${name}" names no pool, and app "${config.app}" has ${others.length + 1}: give flame.fn the option \`pool\``,
  );
};

const describeAbort = (signal: AbortSignal | undefined): string => {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? `its signal was aborted: ${reason.message}` : 'its signal was aborted';
};

const refuse = (path: string, message: string): never => {
  throw configError('flame.call', [{ path, message }]);
};
