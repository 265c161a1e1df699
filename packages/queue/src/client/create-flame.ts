/**
 * The facade that applications use. It is lazy: task modules import it in executors too, so nothing is opened, and no
 * timer started, before the first call.
 */

import { newCallId, poolOfCallId, userCallId } from '@flamejs/protocol/call-id';
import { encode, packPayload, payloadSize } from '@flamejs/protocol/codec';
import { MAX_DURATION_MS } from '@flamejs/protocol/duration';
import {
  FlameCallLoopError,
  FlameClosedError,
  FlameError,
  FlameStreamError,
  FlameUnavailableError,
} from '@flamejs/protocol/errors';
import { borrowMemory } from '@flamejs/protocol/passing-memory';
import { Secret } from '@flamejs/protocol/secret';
import { noSuchPool } from '@flamejs/protocol/suggest';
import type { Logger } from 'pino';
import { createWorkers, servesQueue } from '../bullmq/define-worker.ts';
import { resolveCallOptions } from '../call-options.ts';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { currentContext } from '../context.ts';
import { defineFunction, isFlameFunction } from '../fn.ts';
import { limitsOfCall, limitsOfRef } from '../limits.ts';
import { setTelemetry } from '../telemetry/current.ts';
import type { CallerSpan } from '../telemetry/types.ts';
import type { ParsedCallOptions } from '../types.ts';
import { listen, unlisten } from './abort-listeners.ts';
import { AwaitedCall, type AwaitingFlame } from './awaited-call.ts';
import type { CallMaker } from './call-maker.ts';
import { onlyPool, optionsOf, refuse, resolveTarget } from './call-target.ts';
import type { CallRequest } from './caller.ts';
import { isExecutor, isLoadingModules } from './executor-side.ts';
import type { Flame, FlameOptions } from './flame.ts';
import type { CallHandle } from './handle.ts';
import { lazyHandle } from './lazy-handle.ts';
import { type MapOptions, mapCalls } from './map.ts';
import { type Child, placeChild } from './place-child.ts';
import type { ScheduleTiming } from './schedule.ts';
import { secretsHere } from './secrets-here.ts';
import { withCallSite } from './settle-with.ts';
import type { FlameStream } from './stream/item-stream.ts';
import { attachStream, openStream, type StreamOptions } from './stream/open-stream.ts';

/** @param config what `defineConfig` returned */
export const createFlame = (config: AppConfig, options: FlameOptions = {}): Flame => {
  const mode = options.mode ?? (process.env.FLAME_MODE === 'inline' ? 'inline' : 'redis');
  setTelemetry(config.telemetry);
  let making: Promise<CallMaker> | undefined;
  /** The same once it is there: no turn of the loop is spent on it then. */
  let made: CallMaker | undefined;
  let closed = false;

  const maker = (): Promise<CallMaker> => {
    if (closed) return Promise.reject(new FlameClosedError('this flame object has been closed'));
    if (isLoadingModules()) return Promise.reject(callWhileLoading());
    making ??= loadMaker(config, mode, options.logger).then((maker) => {
      made = maker;
      return maker;
    });
    return making;
  };

  const workers = createWorkers(config, { listens: mode === 'redis', logger: options.logger });

  const awaiting: AwaitingFlame = {
    config,
    stop(id, pool, signal) {
      making?.then((calls) => calls.abort(id, pool, describeAbort(signal))).catch(() => undefined);
    },
  };

  const poolConfig = (name: string): PoolConfig => {
    const pool = Object.hasOwn(config.pools, name) ? config.pools[name] : undefined;
    if (pool !== undefined) return pool;
    return refuse('pool', noSuchPool(name, Object.keys(config.pools), config.app));
  };

  const request = (target: unknown, args: readonly unknown[], kind: CallRequest['kind'], how: How = {}): Asked => {
    const { scope, more } = how;
    const { name, pool: poolName, options: given, values, root, yields, resumable } = resolveTarget(target, args);
    if (yields && kind === 'call' && how.stream !== true) throw calledStream(name);
    const pool = poolConfig(poolName ?? onlyPool(config, name));
    if (pool.bullmq !== undefined) refuse('pool', servesQueue(pool));
    const options = resolveCallOptions({ ...given, ...more }, pool);
    const limits = limitsOfCall(name, pool, given, args);
    const id = options.id === undefined ? newCallId(pool.name) : userCallId(pool.name, options.id);
    const secrets = secretsHere(config, scope ?? id);
    // Copied once, into the form in which it goes to Redis; elsewhere the payload itself has to be a copy.
    const packs = mode === 'redis' && !isExecutor();
    const payload = encode(values, { limit: pool.payloadLimit, root, own: !packs, secrets });
    const packed = packs && payload.parts.length > 0 ? packPayload(payload, borrowMemory) : undefined;
    return {
      id,
      ...(scope === undefined ? {} : { scope }),
      pool,
      functionName: name,
      payload,
      ...(packed === undefined ? {} : { packed }),
      payloadSize: payloadSize(payload),
      options,
      kind,
      ...(limits.length === 0 ? {} : { limits }),
      ...(how.stream === true || yields ? { stream: { resumable } } : {}),
    };
  };

  const call = (target: unknown, ...args: unknown[]): Promise<unknown> => callWith(target, args);

  const callWith = (
    target: unknown,
    args: readonly unknown[],
    more?: ParsedCallOptions,
    // Captures the caller's stack without formatting it; it is read only when the call fails.
    local = new Error(),
  ): Promise<unknown> => {
    try {
      // Encoded before anything is awaited: what the caller does to its arguments afterwards is not seen.
      return submitAwaited(request(target, args, 'call', { more }), local);
    } catch (error) {
      return Promise.reject(error);
    }
  };

  const submitAwaited = (asked: Asked, local: Error): Promise<unknown> => {
    const { id, pool, options } = asked;
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    const span = spanOf(asked, 'call');
    const awaited = new AwaitedCall(awaiting, id, pool, options.signal, local);
    if (made !== undefined && !closed && !isLoadingModules()) made.begin(traced(asked, span), awaited, id);
    else {
      maker()
        .then((calls) => calls.begin(traced(asked, span), awaited, id))
        .catch((error) => awaited.reject(error));
    }
    return span === undefined ? awaited.promise : span.follow(awaited.promise);
  };

  const stream = (target: unknown, ...args: unknown[]): FlameStream<unknown> => {
    const local = new Error();
    // Who makes a stream reads it: with nobody there, nobody wants it.
    const asked = request(target, args, 'call', { stream: true, more: { link: optionsOf(target).link ?? true } });
    return openStream(config, maker, asked, submitAwaited(asked, local));
  };

  const spanOf = ({ id, functionName, pool, options }: Asked, kind: 'call' | 'cast' | 'schedule') =>
    config.telemetry?.beginCall({ callId: id, functionName, pool: pool.name, kind, shared: options.id !== undefined });

  const cast = (target: unknown, ...args: unknown[]): Promise<CallHandle<unknown>> =>
    fromHere(async () => {
      const asked = request(target, args, 'cast');
      const { id, pool, options } = asked;
      const { signal } = options;
      signal?.throwIfAborted();
      const calls = await maker();
      const span = spanOf(asked, 'cast');
      const submitted = calls.submit(traced(asked, span), undefined, id);
      const accepted = await (span?.follow(submitted) ?? submitted);
      if (signal !== undefined) {
        const listener = { onAbort: () => calls.abort(id, pool, describeAbort(signal)) };
        listen(signal, listener);
        // A signal may outlive thousands of calls: it lets go of each that is over.
        void calls.whenOver(pool, accepted).then(() => unlisten(signal, listener));
      }
      return Object.assign(calls.handle(pool, accepted), {
        stream: (from?: StreamOptions) => attachStream(config, pool, accepted, maker, from),
      }) as CallHandle<unknown>;
    });

  const map = (target: unknown, ...rest: readonly unknown[]): unknown => {
    const local = new Error();
    const [closure, inputs, mapOptions] = isFlameFunction(target)
      ? [[], ...rest]
      : [rest.slice(0, 1), ...rest.slice(1)];
    const one = (args: readonly unknown[], signal: AbortSignal): Promise<unknown> =>
      callWith(target, [...(closure as readonly unknown[]), ...args], { signal }, local);
    return mapCalls(one, inputs as Iterable<unknown>, mapOptions as MapOptions | undefined, optionsOf(target).signal);
  };

  const place = (target: unknown, ...args: readonly unknown[]): Promise<Child<unknown>> =>
    fromHere(async () => {
      // Before anything is made that nobody could stop.
      if (isExecutor()) throw noChildrenHere();
      const local = new Error();
      const more = optionsOf(target).timeoutMs === undefined ? { timeoutMs: MAX_DURATION_MS } : {};
      // Its placer waits for it: so it has the bounds of a call, and one that is given up is taken back.
      const asked = request(target, args, 'call', { more });
      const { id, pool } = asked;
      if (asked.limits !== undefined)
        refuse('limit', 'a child holds its slot, and would hold its place under a limit, for as long as it lives');
      const calls = await maker();
      // Nothing is placed that could not be followed afterwards.
      await calls.readiness(pool, id);
      return placeChild({
        id,
        ended: submitAwaited(asked, local),
        readiness: () => calls.readiness(pool, id),
        cancel: (reason) => calls.handle(pool, id).cancel(reason),
        giveUp: (reason) => calls.abort(id, pool, reason),
      });
    });

  const flame: Flame = {
    fn: defineFunction,
    worker: workers.define,
    map: map as Flame['map'],
    placeChild: place as Flame['placeChild'],
    schedule: (id: string, timing: ScheduleTiming, target: unknown, ...args: readonly unknown[]) =>
      fromHere(async () => {
        const asked = request(target, args, 'cast', { scope: `schedule:${id}` });
        const calls = await maker();
        const span = spanOf(asked, 'schedule');
        const made = calls.schedule(id, timing, traced(asked, span));
        return span?.follow(made) ?? made;
      }),
    call: call as Flame['call'],
    cast: cast as Flame['cast'],
    stream: stream as Flame['stream'],
    attach: (id) => {
      const pool = poolConfig(poolOfCallId(id));
      return lazyHandle(config, pool, id, maker);
    },
    secret: (value) => Secret.of(value),
    pool: (name, options) => {
      const pool = poolConfig(name);
      return options === undefined ? { pool: pool.name } : { pool: pool.name, limits: limitsOfRef(pool, options) };
    },
    context: currentContext,
    isRunner: process.env.FLAME_RUNNER_ID !== undefined,
    config,
    async close() {
      closed = true;
      await workers.close();
      await (await making)?.close();
    },
    [Symbol.asyncDispose]: () => flame.close(),
  };
  return flame;
};

const noChildrenHere = (): FlameUnavailableError =>
  new FlameUnavailableError('children are placed by the application, not by a running function', { enqueued: 'no' });

const callWhileLoading = (): FlameCallLoopError =>
  new FlameCallLoopError(
    'a module makes a call while a runner loads it, and would make it each time that it is loaded',
    {
      reason: 'loading',
      advice: 'Make the call inside of a function, or only where the application starts: `if (!flame.isRunner)`.',
    },
  );

const loadMaker = async (
  config: AppConfig,
  mode: 'redis' | 'inline',
  logger: Logger | undefined,
): Promise<CallMaker> => {
  if (isExecutor()) return (await import('./nested.ts')).createNestedCaller(config);
  if (mode === 'inline') return (await import('./inline.ts')).createInlineCaller(config);
  return (await import('./over-redis.ts')).createRedisCaller(config, logger);
};

interface How {
  /** Its items are wanted. */
  readonly stream?: true;
  /** Of its secrets, when they are not this one call's. */
  readonly scope?: string | undefined;
  /** Options that win over the function's own. */
  readonly more?: ParsedCallOptions | undefined;
}

const traced = <T extends CallRequest>(request: T, span: CallerSpan | undefined): T =>
  span?.carrier === undefined ? request : { ...request, trace: span.carrier };

const calledStream = (name: string): FlameStreamError =>
  new FlameStreamError(`${name} yields items, and flame.call awaits one value: use flame.stream`, { reason: 'called' });

/** Runs `ask` so that what it rejects with ends with the frames of whoever called. */
const fromHere = async <T>(ask: () => Promise<T>): Promise<T> => {
  const local = new Error();
  try {
    return await ask();
  } catch (error) {
    // A signal's reason is its owner's.
    throw error instanceof FlameError ? withCallSite(error, local) : error;
  }
};

/** A request, and the id that its call will have. */
type Asked = CallRequest & { readonly id: string };

const describeAbort = (signal: AbortSignal): string => {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? `its signal was aborted: ${reason.message}` : 'its signal was aborted';
};
