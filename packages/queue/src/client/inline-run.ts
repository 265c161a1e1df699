/** Executes the attempts of a call of inline mode, in this process, until it is settled. */

import { RUNNER_LOSSES } from '@flamejs/protocol/attempt/budgets';
import { attemptEndsAt, attemptTimedOut, nextAttemptIn } from '@flamejs/protocol/attempt/next-attempt';
import { packPayload, unpackPayload } from '@flamejs/protocol/codec';
import type { LongTimeout } from '@flamejs/protocol/duration';
import { FlameBootError, FlameDeadlineError, FlameRunnerLostError } from '@flamejs/protocol/errors';
import { encodeNote } from '@flamejs/protocol/payload/note';
import type { SecretBox } from '@flamejs/protocol/payload/secret-box';
import type { CallContext } from '../context.ts';
import { type ExecuteResult, executeFunction } from '../execute.ts';
import { inlineHooks } from './inline-hooks.ts';
import type { InlineCall, InlineRun, InlineStore } from './inline-store.ts';

/** Never rejects. What it does counts for nothing once `run` is not the newest generation of its call. */
export const runInline = async (
  store: InlineStore,
  call: InlineCall,
  run: InlineRun,
  secrets: SecretBox | undefined,
): Promise<void> => {
  const { options } = call.request;
  const { signal } = run.abort;
  const deadline = armDeadline(store, call, run);
  try {
    await pause(options.delayMs, signal);
    while (!signal.aborted) {
      if (!(await hasRunner(store, call, run))) return;
      if (call.request.limits !== undefined) await store.limits.enter(call);
      if (signal.aborted) return;
      run.attempts += 1;
      run.state = 'running';
      const attempt = run.attempts;
      const result = await attemptOnce(call, run, secrets);
      if (inlineHooks().losesRunner(call) && !signal.aborted) {
        if (losesCall(store, call, run)) return;
        continue;
      }
      if (result?.ok === true) {
        store.settle(call, run, { ok: true, body: packPayload(result.payload), kind: 'value', message: '' });
        return;
      }
      const tries = { ...options, attemptsMade: attempt - 1 - run.losses };
      const waitMs = result?.retryable === false ? undefined : nextAttemptIn(tries, result?.retryDelayMs);
      if (waitMs === undefined) {
        if (result === undefined) store.fail(call, run, attemptTimedOut(call.id, attempt, options.timeoutMs));
        else store.settle(call, run, thrown(result));
        return;
      }
      run.state = 'waiting';
      // What rests holds nobody up.
      if (waitMs > 0) store.limits.leave(call);
      await pause(waitMs, signal);
    }
  } finally {
    deadline?.clear();
    store.limits.leave(call);
  }
};

/** Whoever awaits a call of a pool without runners is told why; what was cast waits until there are some. */
const hasRunner = async (store: InlineStore, call: InlineCall, run: InlineRun): Promise<boolean> => {
  const { kind, pool } = call.request;
  for (;;) {
    const reason = inlineHooks().bootFailure(pool.name);
    if (reason === undefined || run.abort.signal.aborted) return !run.abort.signal.aborted;
    if (kind === 'call') {
      const message = `call ${call.id}: no runner of pool "${pool.name}" could be started: ${reason}`;
      store.fail(call, run, new FlameBootError(message, { callId: call.id, reason }));
      return false;
    }
    await inlineHooks().whenBootable(pool.name, run.abort.signal);
  }
};

/** Its attempt was made, and nobody will hear how it ended. @returns whether that ends the call */
const losesCall = (store: InlineStore, call: InlineCall, run: InlineRun): boolean => {
  run.losses += 1;
  run.state = 'waiting';
  const isFatal = call.request.options.onRunnerLost === 'fail';
  if (!isFatal && run.losses <= RUNNER_LOSSES) return false;
  const message = isFatal
    ? `call ${call.id}: its runner was lost, and onRunnerLost is 'fail'`
    : `call ${call.id} has lost ${run.losses} runners`;
  store.fail(call, run, new FlameRunnerLostError(message, { callId: call.id, losses: run.losses }));
  return true;
};

const thrown = (result: Extract<ExecuteResult, { ok: false }>) => ({
  ok: false,
  body: packPayload(result.payload),
  kind: result.errorName,
  message: result.errorMessage,
});

/** @returns `undefined` when it ran longer than its timeout; it may still go on then, but nothing that it says is heard. */
const attemptOnce = async (
  call: InlineCall,
  run: InlineRun,
  secrets: SecretBox | undefined,
): Promise<ExecuteResult | undefined> => {
  const { options, functionName, pool } = call.request;
  const limit = new AbortController();
  const over = new Promise<undefined>((resolve) => {
    const end = (): void => resolve(undefined);
    limit.signal.addEventListener('abort', end, { once: true });
    run.abort.signal.addEventListener('abort', end, { once: true });
  });
  const timer = inlineHooks().timer(
    () => limit.abort(attemptTimedOut(call.id, run.attempts, options.timeoutMs)),
    options.timeoutMs,
  );
  const signal = AbortSignal.any([run.abort.signal, limit.signal]);
  const context = contextOf(call, run, signal, secrets);
  // A copy for each attempt: decoding may hand the bytes themselves to the function.
  const payload = unpackPayload(Buffer.from(call.args));
  try {
    return await Promise.race([
      executeFunction({ payload, functionName, context, payloadLimit: pool.payloadLimit, secrets }),
      over,
    ]);
  } finally {
    timer.clear();
  }
};

const armDeadline = (store: InlineStore, call: InlineCall, run: InlineRun): LongTimeout | undefined => {
  const { deadlineAt } = run;
  if (deadlineAt === undefined) return undefined;
  const error = (): FlameDeadlineError =>
    new FlameDeadlineError(`call ${call.id}: its deadline passed`, { callId: call.id, deadlineAt });
  return inlineHooks().timer(() => void store.fail(call, run, error()), Math.max(0, deadlineAt - inlineHooks().now()));
};

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  ms === 0 || signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => {
        const timer = inlineHooks().timer(() => {
          signal.removeEventListener('abort', stop);
          resolve();
        }, ms);
        const stop = (): void => {
          timer.clear();
          resolve();
        };
        signal.addEventListener('abort', stop, { once: true });
      });

const contextOf = (
  call: InlineCall,
  run: InlineRun,
  signal: AbortSignal,
  secrets: SecretBox | undefined,
): CallContext => ({
  callId: call.id,
  functionName: call.request.functionName,
  pool: call.request.pool.name,
  attempt: run.attempts,
  runnerLosses: run.losses,
  deadline: attemptEndsAt(inlineHooks().now(), call.request.options.timeoutMs, run.deadlineAt),
  signal,
  draining: new AbortController().signal,
  isInline: true,
  progress(value) {
    const note = encodeNote(value, 'progress', secrets);
    // A process of its own would have been killed by now.
    if (signal.aborted) return;
    call.progress = note;
    for (const watcher of [...call.watchers]) watcher(note);
  },
  ready(value) {
    const note = encodeNote(value, 'ready', secrets);
    if (!signal.aborted) call.ready = note;
  },
  log: () => undefined,
});
