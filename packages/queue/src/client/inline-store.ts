/**
 * The calls of inline mode: what Redis holds for a real one, with the same fence. Every execution belongs to a generation, and
 * only the newest one settles its call.
 */
import { encode, packPayload } from '@flamejs/protocol/codec';
import { FlameClosedError, type FlameError, FlameIdConflictError, FlameRemovedError } from '@flamejs/protocol/errors';
import type { Outcome } from '@flamejs/protocol/outcome';
import type { CallRequest } from './caller.ts';
import { inlineHooks } from './inline-hooks.ts';
import { createInlineLimits, type InlineLimits } from './inline-limits.ts';
import type { Settler } from './pending.ts';

export interface InlineCall {
  readonly id: string;
  readonly request: CallRequest;
  /** A snapshot of the arguments: what the caller does to them afterwards is not seen, as on another machine. */
  readonly args: Uint8Array;
  readonly waiters: Set<Settler>;
  /** Those who follow its progress. */
  readonly watchers: Set<(note: Uint8Array) => void>;
  /** Encoded, as it is for a reader elsewhere; the newest alone is kept. */
  progress: Uint8Array | undefined;
  ready: Uint8Array | undefined;
  run: InlineRun;
  outcome: Outcome | undefined;
}

/** One generation of a call. */
export interface InlineRun {
  readonly generation: number;
  /** Epoch ms. */
  readonly deadlineAt: number | undefined;
  /** Aborts when nothing that it does counts any more: it is settled, or its flame object is closed. */
  readonly abort: AbortController;
  attempts: number;
  /** Runners that it has lost, which only a testing kit makes happen. */
  losses: number;
  state: 'waiting' | 'running';
}

export interface Ending {
  readonly ok: boolean;
  readonly body: Uint8Array;
  /** `value`, or the error's name. */
  readonly kind: string;
  readonly message: string;
}

export interface InlineStore {
  readonly limits: InlineLimits;
  get(id: string): InlineCall | undefined;
  /** @returns the call, and whether it is new. @throws FlameIdConflictError */
  accept(id: string, request: CallRequest): { readonly call: InlineCall; readonly isNew: boolean };
  join(id: string, settler: Settler): void;
  leave(id: string, settler: Settler): void;
  /** @returns whether this run was the one to settle its call */
  settle(call: InlineCall, run: InlineRun, ending: Ending): boolean;
  /** As `settle`, and stops what still executes. */
  fail(call: InlineCall, run: InlineRun, error: FlameError): boolean;
  /** A new generation of a failed call. */
  renew(call: InlineCall): InlineRun;
  /** Rejects who waits, stops what runs, forgets everything. */
  close(): void;
}

export const createInlineStore = (): InlineStore => {
  const calls = new Map<string, InlineCall>();

  /** As in Redis, an outcome is kept for a while and then forgotten. */
  const expire = (call: InlineCall, outcome: Outcome): void => {
    const { resultTtlMs, failedTtlMs } = call.request.options;
    const forget = (): void => {
      if (call.outcome === outcome) calls.delete(call.id);
    };
    inlineHooks()
      .timer(forget, outcome.head.ok ? resultTtlMs : failedTtlMs)
      .unref();
  };

  const settle = (call: InlineCall, run: InlineRun, { ok, body, kind, message }: Ending): boolean => {
    if (call.run !== run || call.outcome !== undefined || run.abort.signal.aborted) return false;
    const head = {
      ok,
      kind,
      message,
      attempts: run.attempts,
      runnerLosses: run.losses,
      runnerId: 'inline',
      startedAt: inlineHooks().now(),
      size: body.length,
    };
    const outcome = { generation: run.generation, head, body };
    call.outcome = outcome;
    const waiters = [...call.waiters];
    call.waiters.clear();
    for (const waiter of waiters) waiter.resolve(outcome);
    expire(call, outcome);
    return true;
  };

  return {
    limits: createInlineLimits(),
    get: (id) => calls.get(id),
    accept(id, request) {
      const args = packPayload(request.payload);
      const known = calls.get(id);
      if (known === undefined) {
        const call = newCall(id, request, args);
        calls.set(id, call);
        return { call, isNew: true };
      }
      if (known.request.functionName === request.functionName && args.equals(known.args)) {
        return { call: known, isNew: false };
      }
      throw new FlameIdConflictError(
        `call ${id}: the same id was used before with another function or other arguments`,
        { callId: id },
      );
    },
    join(id, settler) {
      const call = calls.get(id);
      if (call === undefined)
        settler.reject(new FlameRemovedError(`call ${id} is not known in this process (inline mode)`, { callId: id }));
      else if (call.outcome !== undefined) settler.resolve(call.outcome);
      else call.waiters.add(settler);
    },
    leave: (id, settler) => void calls.get(id)?.waiters.delete(settler),
    settle,
    fail(call, run, error) {
      const settled = settle(call, run, {
        ok: false,
        body: packPayload(encode(error)),
        kind: error.name,
        message: error.message,
      });
      if (settled) run.abort.abort(error);
      return settled;
    },
    renew(call) {
      call.outcome = undefined;
      call.run = newRun(call.request, call.run.generation + 1);
      return call.run;
    },
    close() {
      for (const call of calls.values()) {
        const error = new FlameClosedError(`call ${call.id}: the flame object that ran it was closed`, {
          callId: call.id,
        });
        for (const waiter of [...call.waiters]) waiter.reject(error);
        call.run.abort.abort(error);
      }
      calls.clear();
    },
  };
};

const newCall = (id: string, request: CallRequest, args: Uint8Array): InlineCall => ({
  id,
  request,
  args,
  waiters: new Set(),
  watchers: new Set(),
  progress: undefined,
  ready: undefined,
  run: newRun(request, 1),
  outcome: undefined,
});

const newRun = ({ options }: CallRequest, generation: number): InlineRun => ({
  generation,
  deadlineAt: options.deadlineInMs === undefined ? options.deadlineAt : inlineHooks().now() + options.deadlineInMs,
  abort: new AbortController(),
  attempts: 0,
  losses: 0,
  state: 'waiting',
});
