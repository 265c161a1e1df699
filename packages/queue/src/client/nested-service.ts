/** The runner's side of calls from inside a function: it makes them in the executor's name. */

import { decode, encode, type Payload, packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { FlameUnavailableError } from '@flamejs/protocol/errors';
import type { Outcome } from '@flamejs/protocol/outcome';
import type { Logger } from 'pino';
import { resolveCallOptions } from '../call-options.ts';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { ResolvedCallOptions } from '../types.ts';
import { awaitOutcome } from './await-outcome.ts';
import { type Caller, type CallRequest, createCaller } from './caller.ts';
import { createHandle } from './handle.ts';
import { NESTED_LIMIT, type NestedReply, type NestedRequest } from './nested-messages.ts';

export interface NestedService {
  /** @param scope of the call that asks: what it can seal and open secrets for; `undefined` when the app has no keys */
  answer(request: Uint8Array, scope?: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The runner's side: answers one executor's requests. Its own caller is opened at the first one. */
export const createNestedService = (config: AppConfig, logger: Logger): NestedService => {
  let caller: Caller | undefined;
  /** Waits for outcomes that can be given up, by their own names. */
  const waits = new Map<string, AbortController>();

  const handleRequest = async (request: NestedRequest, scope: string | undefined): Promise<NestedReply> => {
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
        return outcomeReply(await joined(caller, pool, request));
      case 'leave':
        waits.get(request.wait)?.abort();
        return { kind: 'value', value: undefined };
      case 'cast':
      case 'call':
        return submit(caller, pool, request, scope);
    }
  };

  const joined = async (
    made: Caller,
    pool: PoolConfig,
    { id, wait, timeoutMs }: Extract<NestedRequest, { op: 'result' }>,
  ): Promise<Outcome> => {
    const abort = new AbortController();
    waits.set(wait, abort);
    const options = { signal: abort.signal, ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }) };
    try {
      return await awaitOutcome(id, options, {
        join: (settler) => void made.join(id, pool, settler).catch((error) => settler.reject(error)),
        leave: (settler) => made.leave(id, settler),
      });
    } finally {
      waits.delete(wait);
    }
  };

  return {
    async answer(bytes, scope) {
      let reply: NestedReply;
      try {
        reply = await handleRequest(decode(unpackPayload(bytes), NESTED_LIMIT) as NestedRequest, scope);
      } catch (error) {
        reply = { kind: 'error', error };
      }
      return packPayload(encode(reply, NESTED_LIMIT));
    },
    async close() {
      await caller?.close();
    },
  };
};

const outcomeReply = (outcome: Outcome): NestedReply => ({ kind: 'outcome', ...outcome });

const submit = async (
  caller: Caller,
  pool: PoolConfig,
  request: Extract<NestedRequest, { op: 'call' | 'cast' }>,
  scope: string | undefined,
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
    ...(scope === undefined ? {} : { scope }),
  };
  if (request.op === 'cast') return { kind: 'value', value: await caller.submit(asked, undefined, request.id) };
  return outcomeReply(
    await new Promise<Outcome>(
      (resolve, reject) => void caller.submit(asked, { resolve, reject }, request.id).catch(reject),
    ),
  );
};
