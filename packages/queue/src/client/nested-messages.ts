/**
 * What an executor asks of its runner, and what it is told: codec frames, both ways. User code shares the executor's process,
 * so a request is parsed like anything that comes from outside, and none can name the key under which a call will stand.
 */

import { poolOfCallId } from '@flamejs/protocol/call-id';
import { type Payload, payloadSize, unpackPayload } from '@flamejs/protocol/codec';
import { parseDuration } from '@flamejs/protocol/duration';
import { FlameConfigError, FlamePayloadTooLargeError, FlameUnavailableError } from '@flamejs/protocol/errors';
import { type CallLimit, MOST_LIMITS } from '@flamejs/protocol/limits';
import type { Outcome } from '@flamejs/protocol/outcome';
import { isTraceCarrier, type TraceCarrier } from '@flamejs/protocol/trace-carrier';
import { parseCallOptions } from '../call-options.ts';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { areNumbers, numbersOf, readKey } from '../limits.ts';
import type { CallOptions, ParsedCallOptions, ResolvedCallOptions } from '../types.ts';

/** Requests and replies carry payloads that were checked against their own limits before. */
export const NESTED_LIMIT = { limit: 2 ** 31 };

export type DataOptions = Omit<ResolvedCallOptions, 'signal'>;

export type NestedRequest =
  | {
      /** `stream` is answered once the call is accepted, with its id. */
      readonly op: 'call' | 'cast' | 'stream';
      readonly pool: string;
      /** By which `abort` finds it; the call's id is made by the runner. */
      readonly ref: string;
      readonly fn: string;
      readonly payload: Uint8Array;
      readonly options: DataOptions;
      readonly limits?: readonly CallLimit[];
      readonly trace?: TraceCarrier;
      /** What it yields is kept. */
      readonly stream?: { readonly resumable: boolean };
    }
  /** Items from an index on; answered when there are any, or none will come. */
  | { readonly op: 'pull'; readonly id: string; readonly from: number }
  /** What comes before the index is done with. */
  | { readonly op: 'taken'; readonly id: string; readonly index: number }
  | { readonly op: 'unread'; readonly id: string; readonly done: boolean }
  | { readonly op: 'abort'; readonly ref: string; readonly reason: string }
  | {
      readonly op: 'result';
      readonly id: string;
      readonly timeoutMs: number | undefined;
      /** Names this wait, so that it can be given up. */
      readonly wait: string;
    }
  /** Gives a `result` up. */
  | { readonly op: 'leave'; readonly wait: string }
  | { readonly op: 'status' | 'retry'; readonly id: string }
  | { readonly op: 'cancel'; readonly id: string; readonly reason: string };

export type NestedReply =
  | { readonly kind: 'outcome'; readonly generation: number; readonly head: Outcome['head']; readonly body: Uint8Array }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: unknown };

/** A request to make a call, checked. */
export interface MakeRequest {
  readonly op: 'call' | 'cast' | 'stream';
  readonly pool: PoolConfig;
  readonly ref: string;
  readonly fn: string;
  readonly payload: Payload;
  readonly size: number;
  readonly options: ParsedCallOptions;
  readonly limits: readonly CallLimit[];
  readonly trace: TraceCarrier | undefined;
  readonly stream: { readonly resumable: boolean } | undefined;
}

/** A request about the items of a call, checked. */
export interface ItemsRequest {
  readonly op: 'pull' | 'taken' | 'unread';
  readonly pool: PoolConfig;
  readonly id: string;
  readonly index: number;
  readonly done: boolean;
}

/** A request about a call that there is, checked. */
export interface AboutRequest {
  readonly op: 'status' | 'retry' | 'cancel';
  readonly pool: PoolConfig;
  readonly id: string;
  readonly reason: string;
}

/** A request to be told how a call ends, checked. */
export interface WaitRequest {
  readonly op: 'result';
  readonly pool: PoolConfig;
  readonly id: string;
  readonly wait: string;
  readonly timeoutMs: number | undefined;
}

export type ParsedNestedRequest =
  | MakeRequest
  | AboutRequest
  | WaitRequest
  | ItemsRequest
  | { readonly op: 'leave'; readonly wait: string }
  | { readonly op: 'abort'; readonly ref: string; readonly reason: string };

/** Ids of closures hold the path of a module. */
const MOST_NAME = 4_096;
const MOST_REF = 200;
const MOST_REASON = 1_000;

/** @throws FlameConfigError, FlameUnavailableError or FlamePayloadTooLargeError that says what is wrong with it */
export const parseNestedRequest = (value: unknown, config: AppConfig): ParsedNestedRequest => {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const text = (name: string, most: number): string => {
    const found = fields[name];
    return typeof found === 'string' && found.length > 0 ? found.slice(0, most) : refuse(`its ${name} is no text`);
  };
  switch (fields.op) {
    case 'call':
    case 'cast':
    case 'stream': {
      const pool = poolOf(config, text('pool', MOST_NAME));
      const payload =
        fields.payload instanceof Uint8Array ? unpackPayload(fields.payload) : refuse('it has no payload');
      const size = payloadSize(payload);
      if (size > pool.payloadLimit) {
        const message = `the arguments have ${size} bytes, at most ${pool.payloadLimit} are allowed`;
        throw new FlamePayloadTooLargeError(message, { size, limit: pool.payloadLimit });
      }
      const options = parseCallOptions(toCallOptions(fields.options), 'options of a call');
      const limits = fields.limits === undefined ? [] : limitsOf(fields.limits, pool);
      // What a function says of its trace is no reason to refuse its call.
      const trace = isTraceCarrier(fields.trace) ? fields.trace : undefined;
      const made = {
        pool,
        ref: text('ref', MOST_REF),
        fn: text('fn', MOST_NAME),
        payload,
        size,
        options,
        limits,
        trace,
      };
      return { op: fields.op, ...made, stream: streamOf(fields) };
    }
    case 'pull':
    case 'taken':
    case 'unread': {
      const id = text('id', MOST_NAME);
      const index = Number(fields.from ?? fields.index ?? 0);
      if (!Number.isSafeInteger(index) || index < 0) return refuse('its index is none');
      return { op: fields.op, id, pool: poolOf(config, poolOfCallId(id)), index, done: fields.done === true };
    }
    case 'abort':
      return { op: 'abort', ref: text('ref', MOST_REF), reason: text('reason', MOST_REASON) };
    case 'leave':
      return { op: 'leave', wait: text('wait', MOST_REF) };
    case 'result': {
      const id = text('id', MOST_NAME);
      const { timeoutMs } = fields;
      return {
        op: 'result',
        id,
        pool: poolOf(config, poolOfCallId(id)),
        wait: text('wait', MOST_REF),
        timeoutMs: timeoutMs === undefined ? undefined : parseDuration(timeoutMs as number, 'timeout'),
      };
    }
    case 'status':
    case 'retry':
    case 'cancel': {
      const id = text('id', MOST_NAME);
      const reason = fields.op === 'cancel' ? text('reason', MOST_REASON) : '';
      return { op: fields.op, id, pool: poolOf(config, poolOfCallId(id)), reason };
    }
    default:
      return refuse('it asks for nothing that is known');
  }
};

/** Numbers of the pool's limits are this side's to know. */
const limitsOf = (value: unknown, pool: PoolConfig): readonly CallLimit[] => {
  if (!Array.isArray(value) || value.length > MOST_LIMITS) return refuse('its limits are none');
  return value.map((given, index) => {
    const { name, concurrency, rate, key } = (given ?? {}) as Partial<CallLimit>;
    if (key !== undefined && !readKey(key).ok) return refuse('the key of a limit is none');
    if (name !== undefined) return { ...numbersOf(pool, String(name)), name: String(name), index, key };
    if (!areNumbers({ concurrency, rate })) return refuse('the numbers of a limit are none');
    const per = rate && { calls: rate.calls, perMs: rate.perMs, smooth: rate.smooth === true };
    return { name: undefined, index, key, concurrency, rate: per };
  });
};

const poolOf = (config: AppConfig, name: string): PoolConfig => {
  const pool = Object.hasOwn(config.pools, name) ? config.pools[name] : undefined;
  if (pool !== undefined) return pool;
  throw new FlameUnavailableError(`there is no pool "${name.slice(0, 80)}"`, { enqueued: 'no' });
};

const refuse = (why: string): never => {
  const message = `a request of a function cannot be read: ${why}`;
  throw new FlameConfigError(message, { problems: [{ path: '', message }] });
};

const streamOf = ({ op, stream }: Readonly<Record<string, unknown>>): MakeRequest['stream'] => {
  if (op !== 'stream' && (op !== 'cast' || stream === undefined)) return undefined;
  return { resumable: (stream as { readonly resumable?: unknown } | undefined)?.resumable === true };
};

/** As users would write them, so that one parser reads both. */
const toCallOptions = (value: unknown): CallOptions => {
  const given = (typeof value === 'object' && value !== null ? value : refuse('it has no options')) as DataOptions;
  const { deadlineInMs, deadlineAt, backoff } = given;
  return {
    id: given.id,
    timeout: given.timeoutMs,
    queueTimeout: given.queueTimeoutMs,
    deadline: deadlineAt === undefined ? deadlineInMs : new Date(deadlineAt),
    retries: given.retries,
    delay: given.delayMs,
    priority: given.priority,
    link: given.link,
    onRunnerLost: given.onRunnerLost,
    resultTtl: given.resultTtlMs,
    failedTtl: given.failedTtlMs,
    backoff:
      typeof backoff !== 'object' || backoff === null
        ? backoff
        : { type: backoff.type, delay: backoff.delayMs, max: backoff.maxMs, jitter: backoff.jitter },
  };
};
