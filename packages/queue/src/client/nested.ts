/**
 * Calls from inside a running function. An executor has neither the Redis URL nor the signing key: what it asks for goes
 * to its runner as bytes, and the runner makes the call in its name.
 */

import type { Logger } from 'pino';
import { resolveCallOptions } from '../call-options.ts';
import { decode, encode, type Payload, packPayload, unpackPayload } from '../codec/index.ts';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { FlameUnavailableError } from '../errors/index.ts';
import { newCallId, userCallId } from '../protocol/call-id.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { RetryResult } from '../protocol/retry.ts';
import type { ResolvedCallOptions } from '../types.ts';
import { type Caller, type CallRequest, createCaller } from './caller.ts';
import type { CallMaker } from './create-flame.ts';
import { type CallHandle, type CancelResult, createHandle, settleWith } from './handle.ts';
import type { CallStatus } from './status.ts';

/** Set by an executor: sends a request to the runner and resolves with its reply. */
export type NestedTransport = (request: Uint8Array) => Promise<Uint8Array>;
/** Requests and replies carry payloads that were checked against their own limits before. */
const LIMIT = { limit: 2 ** 31 };

const TRANSPORT = Symbol.for('@flamejs/nested-transport');

export const setNestedTransport = (transport: NestedTransport): void => {
  Object.defineProperty(globalThis, TRANSPORT, { value: transport, configurable: true });
};

const transportOf = (): NestedTransport | undefined => (globalThis as { [TRANSPORT]?: NestedTransport })[TRANSPORT];

export const isExecutor = (): boolean => transportOf() !== undefined || process.env.FLAME_EXECUTOR === '1';

type DataOptions = Omit<ResolvedCallOptions, 'signal'>;

type NestedRequest =
  | {
      readonly op: 'call' | 'cast';
      readonly pool: string;
      readonly id: string;
      readonly fn: string;
      readonly payload: Uint8Array;
      readonly size: number;
      readonly options: DataOptions;
    }
  | { readonly op: 'result'; readonly pool: string; readonly id: string }
  | { readonly op: 'status'; readonly pool: string; readonly id: string }
  | { readonly op: 'retry'; readonly pool: string; readonly id: string }
  | { readonly op: 'cancel'; readonly pool: string; readonly id: string; readonly reason: string };

type NestedReply =
  | { readonly kind: 'outcome'; readonly generation: number; readonly head: Outcome['head']; readonly body: Uint8Array }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: unknown };

/** The executor's side. */
export const createNestedCaller = (_config: AppConfig): CallMaker => {
  const ask = async (request: NestedRequest): Promise<NestedReply> => {
    const transport = transportOf();
    if (transport === undefined) {
      throw new FlameUnavailableError(
        'a flame call was made while the executor loads its modules: make it inside of a function',
        { enqueued: 'no' },
      );
    }
    const reply = decode(unpackPayload(await transport(packPayload(encode(request, LIMIT)))), LIMIT) as NestedReply;
    if (reply.kind === 'error') throw reply.error;
    return reply;
  };

  const askValue = async <T>(request: NestedRequest): Promise<T> => {
    const reply = await ask(request);
    return (reply.kind === 'value' ? reply.value : undefined) as T;
  };

  const handle = <Result>(pool: PoolConfig, id: string): CallHandle<Result> => ({
    id,
    async result() {
      const local = new Error();
      const reply = await ask({ op: 'result', pool: pool.name, id });
      return new Promise((resolve, reject) =>
        settleWith(reply as Outcome & NestedReply, local, resolve as (v: unknown) => void, reject),
      );
    },
    status: () => askValue<CallStatus>({ op: 'status', pool: pool.name, id }),
    cancel: (reason = 'cancelled through its handle') =>
      askValue<CancelResult>({ op: 'cancel', pool: pool.name, id, reason }),
    retry: () => askValue<RetryResult>({ op: 'retry', pool: pool.name, id }),
    progress: () => {
      throw new FlameUnavailableError('progress of a nested call cannot be followed from inside of a function', {
        enqueued: 'no',
      });
    },
  });

  return {
    idOf: (pool, options) => (options.id === undefined ? newCallId(pool.name) : userCallId(pool.name, options.id)),
    async submit(asked, settler, id = newCallId(asked.pool.name)) {
      const { signal: _, ...options } = asked.options;
      const request: NestedRequest = {
        op: settler === undefined ? 'cast' : 'call',
        pool: asked.pool.name,
        id,
        fn: asked.functionName,
        payload: packPayload(asked.payload),
        size: asked.payloadSize,
        options,
      };
      const reply = await ask(request);
      if (settler !== undefined && reply.kind === 'outcome') settler.resolve(reply);
      return id;
    },
    handle,
    schedule: () => {
      throw new FlameUnavailableError('schedules are made by the application, not by a running function', {
        enqueued: 'no',
      });
    },
    abort(id, pool, reason) {
      ask({ op: 'cancel', pool: pool.name, id, reason }).catch(() => undefined);
    },
    async close() {},
  };
};

/** The runner's side: answers one executor's requests. Its own caller is opened at the first one. */
export const createNestedService = (
  config: AppConfig,
  logger: Logger,
): { answer(request: Uint8Array): Promise<Uint8Array>; close(): Promise<void> } => {
  let caller: Caller | undefined;

  const handleRequest = async (request: NestedRequest): Promise<NestedReply> => {
    caller ??= createCaller(config, logger);
    const pool = Object.hasOwn(config.pools, request.pool) ? config.pools[request.pool] : undefined;
    if (pool === undefined) throw new FlameUnavailableError(`there is no pool "${request.pool}"`, { enqueued: 'no' });
    const made = createHandle(config, caller, pool, request.id);
    switch (request.op) {
      case 'status':
        return { kind: 'value', value: await made.status() };
      case 'retry':
        return { kind: 'value', value: await made.retry() };
      case 'cancel':
        return { kind: 'value', value: await made.cancel(request.reason) };
      case 'result':
        return outcomeReply(await joined(caller, pool, request.id));
      case 'cast':
      case 'call':
        return submit(caller, pool, request);
    }
  };

  return {
    async answer(bytes) {
      let reply: NestedReply;
      try {
        reply = await handleRequest(decode(unpackPayload(bytes), LIMIT) as NestedRequest);
      } catch (error) {
        reply = { kind: 'error', error };
      }
      return packPayload(encode(reply, LIMIT));
    },
    async close() {
      await caller?.close();
    },
  };
};

const joined = (caller: Caller, pool: PoolConfig, id: string): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    caller.join(id, pool, { resolve, reject }).catch(reject);
  });

const outcomeReply = (outcome: Outcome): NestedReply => ({ kind: 'outcome', ...outcome });

const submit = async (
  caller: Caller,
  pool: PoolConfig,
  request: Extract<NestedRequest, { op: 'call' | 'cast' }>,
): Promise<NestedReply> => {
  const payload: Payload = unpackPayload(request.payload);
  const options: ResolvedCallOptions = { ...resolveCallOptions({}, pool), ...request.options, signal: undefined };
  const asked: CallRequest = {
    pool,
    functionName: request.fn,
    payload,
    payloadSize: request.size,
    options,
    kind: request.op,
  };
  if (request.op === 'cast') return { kind: 'value', value: await caller.submit(asked, undefined, request.id) };
  return outcomeReply(
    await new Promise<Outcome>(
      (resolve, reject) => void caller.submit(asked, { resolve, reject }, request.id).catch(reject),
    ),
  );
};
