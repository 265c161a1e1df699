/**
 * Inline mode: calls run in this process, without Redis, through the same encoding, context and errors, so that a test
 * sees what production would. What needs another process is not there: a busy loop cannot be stopped, and calls are lost
 * with the process.
 */

import { encode, packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { setLongTimeout } from '@flamejs/protocol/duration';
import {
  FlameCancelledError,
  FlameClosedError,
  FlameDeadlineError,
  type FlameError,
  FlameIdConflictError,
  FlameRemovedError,
  FlameTimeoutError,
} from '@flamejs/protocol/errors';
import { configError } from '@flamejs/protocol/errors/input-errors';
import type { Outcome } from '@flamejs/protocol/outcome';
import type { SecretBox } from '@flamejs/protocol/payload/secret-box';
import type { RetryResult } from '@flamejs/protocol/retry';
import { backoffDelay } from '../backoff.ts';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { CallContext } from '../context.ts';
import { executeFunction } from '../execute.ts';
import type { CallMaker } from './call-maker.ts';
import type { CallRequest } from './caller.ts';
import type { CallHandle } from './handle.ts';
import { inlineStatus } from './inline-status.ts';
import type { Settler } from './pending.ts';
import { secretsHere } from './secrets-here.ts';
import { settleWith } from './settle-with.ts';

export interface InlineCall {
  readonly id: string;
  readonly request: CallRequest;
  /** A snapshot of the arguments: what the caller does to them afterwards is not seen, as on another machine. */
  readonly args: Uint8Array;
  abort: AbortController;
  readonly waiters: Set<Settler>;
  readonly progress: unknown[];
  attempts: number;
  state: 'waiting' | 'running';
  outcome: Outcome | undefined;
  generation: number;
  ready: { readonly value: unknown } | undefined;
}

export const createInlineCaller = (config: AppConfig): CallMaker => {
  const calls = new Map<string, InlineCall>();
  let closed = false;

  const settle = (call: InlineCall, ok: boolean, body: Uint8Array, kind: string, message: string): void => {
    if (call.outcome !== undefined) return;
    const head = {
      ok,
      kind,
      message,
      attempts: call.attempts,
      runnerLosses: 0,
      runnerId: 'inline',
      startedAt: Date.now(),
      size: body.length,
    };
    call.outcome = { generation: call.generation, head, body };
    for (const waiter of call.waiters) waiter.resolve(call.outcome);
    call.waiters.clear();
    // As in Redis, an outcome is kept for a while and then forgotten.
    const { resultTtlMs, failedTtlMs } = call.request.options;
    const { outcome } = call;
    setLongTimeout(() => call.outcome === outcome && calls.delete(call.id), ok ? resultTtlMs : failedTtlMs).unref();
  };

  const settleError = (call: InlineCall, error: FlameError): void => {
    call.abort.abort(error);
    settle(call, false, packPayload(encode(error)), error.name, error.message);
  };

  const run = async (call: InlineCall): Promise<void> => {
    const { options, pool, functionName } = call.request;
    const deadlineMs =
      options.deadlineInMs ??
      (options.deadlineAt === undefined ? undefined : Math.max(0, options.deadlineAt - Date.now()));
    const deadline =
      deadlineMs === undefined
        ? undefined
        : setLongTimeout(
            () =>
              settleError(
                call,
                new FlameDeadlineError(`call ${call.id}: its deadline passed`, {
                  callId: call.id,
                  deadlineAt: Date.now(),
                }),
              ),
            deadlineMs,
          );
    await pause(options.delayMs, call);
    while (call.outcome === undefined) {
      call.attempts += 1;
      call.state = 'running';
      const attempt = call.attempts;
      const limit = new AbortController();
      const ended = new Promise<'timeout'>((resolve) =>
        limit.signal.addEventListener('abort', () => resolve('timeout'), { once: true }),
      );
      const timer = setLongTimeout(() => {
        limit.abort(
          new FlameTimeoutError(`call ${call.id} ran longer than its timeout of ${options.timeoutMs} ms`, {
            callId: call.id,
            timeoutMs: options.timeoutMs,
            attempt,
          }),
        );
      }, options.timeoutMs);
      const secrets = secretsHere(config, call.request.scope ?? call.id);
      const context = contextOf(call, attempt, secrets, AbortSignal.any([call.abort.signal, limit.signal]));
      // A copy for each attempt: decoding may hand the bytes themselves to the function.
      const execution = executeFunction({
        payload: unpackPayload(Buffer.from(call.args)),
        functionName,
        context,
        payloadLimit: pool.payloadLimit,
        secrets,
      });
      const result = await Promise.race([execution, ended]);
      timer.clear();
      const timedOut = result === 'timeout';
      if (!timedOut && result.ok) {
        settle(call, true, packPayload(result.payload), 'value', '');
      } else if (attempt > options.retries || (!timedOut && !result.retryable)) {
        if (timedOut) settleError(call, limit.signal.reason as FlameError);
        else settle(call, false, packPayload(result.payload), result.errorName, result.errorMessage);
      } else {
        call.state = 'waiting';
        const own = timedOut ? undefined : result.retryDelayMs;
        await pause(options.backoff === undefined ? (own ?? 0) : backoffDelay(options.backoff, attempt), call);
      }
    }
    deadline?.clear();
  };

  const pause = (ms: number, call: InlineCall): Promise<void> =>
    ms === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          const timer = setLongTimeout(resolve, ms);
          call.abort.signal.addEventListener('abort', () => {
            timer.clear();
            resolve();
          });
        });

  const join = (id: string, settler: Settler): void => {
    const call = calls.get(id);
    if (call === undefined)
      settler.reject(new FlameRemovedError(`call ${id} is not known in this process (inline mode)`, { callId: id }));
    else if (call.outcome !== undefined) settler.resolve(call.outcome);
    else call.waiters.add(settler);
  };

  const cancel = (id: string, reason: string): 'cancelled' | 'stopping' | 'finished' | 'unknown' => {
    const call = calls.get(id);
    if (call === undefined) return 'unknown';
    if (call.outcome !== undefined) return 'finished';
    const was = call.state;
    settleError(call, new FlameCancelledError(`call ${id} was cancelled: ${reason}`, { callId: id, reason }));
    return was === 'running' ? 'stopping' : 'cancelled';
  };

  const retry = (id: string): RetryResult => {
    const call = calls.get(id);
    if (call === undefined) return 'unknown';
    if (call.outcome === undefined || call.outcome.head.ok) return 'not-failed';
    Object.assign(call, {
      outcome: undefined,
      attempts: 0,
      state: 'waiting',
      abort: new AbortController(),
      generation: call.generation + 1,
    });
    void run(call);
    return 'retried';
  };

  return {
    async submit(request, settler, id) {
      if (closed) throw new FlameClosedError('this flame object has been closed');
      const known = calls.get(id);
      if (known !== undefined) {
        const same =
          known.request.functionName === request.functionName && known.request.payload.json === request.payload.json;
        if (!same)
          throw new FlameIdConflictError(
            `call ${id}: the same id was used before with another function or other arguments`,
            { callId: id },
          );
      } else {
        const call: InlineCall = {
          id,
          request,
          args: packPayload(request.payload),
          abort: new AbortController(),
          waiters: new Set(),
          progress: [],
          attempts: 0,
          state: 'waiting',
          outcome: undefined,
          generation: 1,
          ready: undefined,
        };
        calls.set(id, call);
        void run(call);
      }
      if (settler !== undefined) join(id, settler);
      return id;
    },
    handle: <Result>(pool: PoolConfig, id: string): CallHandle<Result> => ({
      id,
      result: () => {
        const local = new Error();
        return new Promise<Result>((resolve, reject) => {
          join(id, {
            resolve: (outcome) =>
              settleWith(outcome, secretsHere(config, id), local, resolve as (value: unknown) => void, reject),
            reject,
          });
        });
      },
      status: async () => inlineStatus(pool, id, calls.get(id)),
      cancel: async (reason = 'cancelled through its handle') => cancel(id, reason),
      retry: async () => retry(id),
      async *progress() {
        const call = calls.get(id);
        let seen = 0;
        while (call !== undefined) {
          while (seen < call.progress.length) yield call.progress[seen++];
          if (call.outcome !== undefined) return;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
    }),
    readiness: async (_pool, id) => calls.get(id)?.ready,
    abort: (id, _pool, reason) => void cancel(id, reason),
    schedule: (id) => {
      const message = 'inline mode has no autoscaler to run schedules';
      throw configError(`flame.schedule('${id}')`, [{ path: 'mode', message }]);
    },
    async close() {
      closed = true;
      for (const call of calls.values()) {
        const error = new FlameClosedError(`call ${call.id}: the flame object that ran it was closed`, {
          callId: call.id,
        });
        for (const waiter of call.waiters) waiter.reject(error);
        call.abort.abort(error);
      }
      calls.clear();
    },
  };
};

const contextOf = (
  call: InlineCall,
  attempt: number,
  secrets: SecretBox | undefined,
  signal: AbortSignal,
): CallContext => {
  const { options, functionName, pool } = call.request;
  const timeoutAt = Date.now() + options.timeoutMs;
  const ends = Math.min(timeoutAt, options.deadlineAt ?? Number.POSITIVE_INFINITY);
  return {
    callId: call.id,
    functionName,
    pool: pool.name,
    attempt,
    runnerLosses: 0,
    deadline: Number.isFinite(ends) && Math.abs(ends) <= 8.64e15 ? new Date(ends) : undefined,
    signal,
    draining: new AbortController().signal,
    isInline: true,
    progress(value) {
      encode(value, { root: 'progress', secrets });
      call.progress.push(value);
    },
    ready(value) {
      encode(value, { root: 'ready', secrets });
      call.ready = { value };
    },
    log: () => undefined,
  };
};
