/** Executes the attempts of a call of inline mode, in this process, until it is settled. */
import { packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { type LongTimeout, setLongTimeout } from '@flamejs/protocol/duration';
import { FlameDeadlineError } from '@flamejs/protocol/errors';
import { encodeNote } from '@flamejs/protocol/payload/note';
import type { SecretBox } from '@flamejs/protocol/payload/secret-box';
import { attemptEndsAt, attemptTimedOut, nextAttemptIn } from '../attempt-rules.ts';
import type { CallContext } from '../context.ts';
import { type ExecuteResult, executeFunction } from '../execute.ts';
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
      run.attempts += 1;
      run.state = 'running';
      const attempt = run.attempts;
      const result = await attemptOnce(call, run, secrets);
      if (result?.ok === true) {
        store.settle(call, run, { ok: true, body: packPayload(result.payload), kind: 'value', message: '' });
        return;
      }
      const tries = { ...options, attemptsMade: attempt - 1 };
      const waitMs = result?.retryable === false ? undefined : nextAttemptIn(tries, result?.retryDelayMs);
      if (waitMs === undefined) {
        if (result === undefined) store.fail(call, run, attemptTimedOut(call.id, attempt, options.timeoutMs));
        else store.settle(call, run, thrown(result));
        return;
      }
      run.state = 'waiting';
      await pause(waitMs, signal);
    }
  } finally {
    deadline?.clear();
  }
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
  const timer = setLongTimeout(
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
  return setLongTimeout(() => void store.fail(call, run, error()), Math.max(0, deadlineAt - Date.now()));
};

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  ms === 0 || signal.aborted
    ? Promise.resolve()
    : new Promise((resolve) => {
        const timer = setLongTimeout(() => {
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
  runnerLosses: 0,
  deadline: attemptEndsAt(Date.now(), call.request.options.timeoutMs, run.deadlineAt),
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
