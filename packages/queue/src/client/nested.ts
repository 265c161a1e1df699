/**
 * Calls from inside a running function. An executor has neither the Redis URL nor the signing key: what it asks for goes
 * to its runner as bytes, and the runner makes the call in its name.
 */

import { randomUUID } from 'node:crypto';
import { decode, encode, packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { parseDuration } from '@flamejs/protocol/duration';
import { FlameUnavailableError } from '@flamejs/protocol/errors';
import type { Outcome } from '@flamejs/protocol/outcome';
import type { RetryResult } from '@flamejs/protocol/retry';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { awaitValue } from './await-outcome.ts';
import { beginBy, type CallMaker } from './call-maker.ts';
import { transportOf } from './executor-side.ts';
import type { CallHandle, CancelResult } from './handle.ts';
import { NESTED_LIMIT, type NestedReply, type NestedRequest } from './nested-messages.ts';
import { secretsHere } from './secrets-here.ts';
import type { CallStatus } from './status.ts';

/** The executor's side. */
export const createNestedCaller = (config: AppConfig): CallMaker => {
  const ask = async (request: NestedRequest): Promise<NestedReply> => {
    const transport = transportOf();
    if (transport === undefined) throw new FlameUnavailableError('this executor is not ready', { enqueued: 'no' });
    const reply = decode(
      unpackPayload(await transport(packPayload(encode(request, NESTED_LIMIT)))),
      NESTED_LIMIT,
    ) as NestedReply;
    if (reply.kind === 'error') throw reply.error;
    return reply;
  };

  const askValue = async <T>(request: NestedRequest): Promise<T> => {
    const reply = await ask(request);
    return (reply.kind === 'value' ? reply.value : undefined) as T;
  };

  const handle = <Result>(pool: PoolConfig, id: string): CallHandle<Result> => ({
    id,
    async result(options = {}) {
      const { timeout, ...rest } = options;
      const timeoutMs = timeout === undefined ? undefined : parseDuration(timeout, 'timeout');
      const wait = randomUUID();
      let waiting = true;
      // The runner keeps the time: when this process dies it must not wait for ever either.
      const reading = { secrets: secretsHere(config, id), payloadLimit: pool.payloadLimit };
      const value = await awaitValue(id, rest, reading, {
        join(settler) {
          ask({ op: 'result', id, wait, timeoutMs })
            .finally(() => {
              waiting = false;
            })
            .then((reply) => settler.resolve(reply as Outcome & NestedReply), settler.reject);
        },
        leave() {
          if (waiting) ask({ op: 'leave', wait }).catch(() => undefined);
        },
      });
      return value as Result;
    },
    status: () => askValue<CallStatus>({ op: 'status', id }),
    cancel: (reason = 'cancelled through its handle') => askValue<CancelResult>({ op: 'cancel', id, reason }),
    retry: () => askValue<RetryResult>({ op: 'retry', id }),
    progress: () => {
      throw new FlameUnavailableError('progress of a nested call cannot be followed from inside of a function', {
        enqueued: 'no',
      });
    },
  });

  const submit: CallMaker['submit'] = async (asked, settler, id) => {
    const { signal: _, ...options } = asked.options;
    const request: NestedRequest = {
      op: settler === undefined ? 'cast' : 'call',
      pool: asked.pool.name,
      ref: id,
      fn: asked.functionName,
      payload: packPayload(asked.payload),
      options,
      ...(asked.limits === undefined ? {} : { limits: asked.limits }),
      ...(asked.trace === undefined ? {} : { trace: asked.trace }),
    };
    const reply = await ask(request);
    if (reply.kind === 'outcome') settler?.resolve(reply);
    return reply.kind === 'value' ? (reply.value as string) : id;
  };

  return {
    submit,
    begin: beginBy(submit),
    handle,
    readiness: () => {
      throw new FlameUnavailableError('children are placed by the application, not by a running function', {
        enqueued: 'no',
      });
    },
    schedule: () => {
      throw new FlameUnavailableError('schedules are made by the application, not by a running function', {
        enqueued: 'no',
      });
    },
    whenOver: (pool, id) =>
      handle(pool, id)
        .result()
        .then(
          () => undefined,
          () => undefined,
        ),
    abort(id, _pool, reason) {
      ask({ op: 'abort', ref: id, reason }).catch(() => undefined);
    },
    async close() {},
  };
};
