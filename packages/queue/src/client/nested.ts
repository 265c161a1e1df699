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
import type { CallControls, CancelResult } from './handle.ts';
import { NESTED_LIMIT, type NestedReply, type NestedRequest } from './nested-messages.ts';
import type { Settler } from './pending.ts';
import { secretsHere } from './secrets-here.ts';
import type { CallStatus } from './status.ts';
import { createNestedFeed } from './stream/nested-feed.ts';
import { noIdYet } from './stream/open-stream.ts';

/** Ids that are remembered. */
const MOST_STREAMS = 10_000;

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

  const handle = <Result>(pool: PoolConfig, id: string): CallControls<Result> => ({
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

  /** Calls whose items are read, by the ids that they were asked under; the runner gives them others. */
  const streams = new Map<string, { readonly accepted: Promise<string>; id?: string }>();

  const acceptedAs = async (id: string): Promise<string> => (await streams.get(id)?.accepted) ?? id;

  /** As soon as the call is accepted; its outcome is waited for like that of any other. */
  const submitStream = async (id: string, request: NestedRequest, settler: Settler): Promise<string> => {
    const accepted = askValue<string>(request);
    const stream: { readonly accepted: Promise<string>; id?: string } = { accepted };
    streams.set(id, stream);
    const [oldest] = streams.keys();
    if (oldest !== undefined && streams.size > MOST_STREAMS) streams.delete(oldest);
    stream.id = await accepted;
    ask({ op: 'result', id: stream.id, wait: randomUUID(), timeoutMs: undefined }).then(
      (reply) => settler.resolve(reply as Outcome & NestedReply),
      settler.reject,
    );
    return stream.id;
  };

  const submit: CallMaker['submit'] = async (asked, settler, id) => {
    const { signal: _, ...options } = asked.options;
    const request: NestedRequest = {
      op: settler === undefined ? 'cast' : asked.stream === undefined ? 'call' : 'stream',
      pool: asked.pool.name,
      ref: id,
      fn: asked.functionName,
      payload: packPayload(asked.payload),
      options,
      ...(asked.limits === undefined ? {} : { limits: asked.limits }),
      ...(asked.trace === undefined ? {} : { trace: asked.trace }),
      ...(asked.stream === undefined ? {} : { stream: asked.stream }),
    };
    if (asked.stream !== undefined && settler !== undefined) return submitStream(id, request, settler);
    const reply = await ask(request);
    if (reply.kind === 'outcome') settler?.resolve(reply);
    return reply.kind === 'value' ? (reply.value as string) : id;
  };

  return {
    submit,
    begin: beginBy(submit),
    handle,
    acceptedAs,
    feed: (_pool, id) => createNestedFeed(ask, () => acceptedAs(id)),
    idOf(id) {
      const accepted = streams.get(id)?.id;
      if (accepted === undefined) throw noIdYet();
      return accepted;
    },
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
