/**
 * The runner of inline mode: takes the calls of a pool and executes them in this process. What becomes of a call at its pick-up and
 * after its run is decided as on every runner. A function that does not listen to its signal cannot be stopped here: it goes on, and
 * nothing that it says is heard.
 */

import { afterItems, endsCall } from '@flamejs/protocol/attempt/after-items';
import { type AfterRun, type Plan, planAfterRun, stopError, withoutRerun } from '@flamejs/protocol/attempt/after-run';
import type { CallFacts } from '@flamejs/protocol/attempt/call-facts';
import { decidePickUp, type Missing } from '@flamejs/protocol/attempt/decide-pick-up';
import type { ExecutionResult } from '@flamejs/protocol/attempt/execution-result';
import { attemptEndsAt, attemptTimedOut } from '@flamejs/protocol/attempt/next-attempt';
import type { StopCause } from '@flamejs/protocol/attempt/stop-cause';
import { createVerdictMaker, type Fence } from '@flamejs/protocol/attempt/to-verdict';
import { type Payload, packPayload, unpackPayload } from '@flamejs/protocol/codec';
import type { LongTimeout } from '@flamejs/protocol/duration';
import { type Envelope, parseEnvelope } from '@flamejs/protocol/envelope';
import { encodeNote } from '@flamejs/protocol/payload/note';
import type { SecretBox } from '@flamejs/protocol/payload/secret-box';
import { noVault } from '@flamejs/protocol/payload/vault';
import type { CallStore, TakenCall, Verdict } from '@flamejs/protocol/store/call-store';
import type { Upkeep } from '@flamejs/protocol/upkeep';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { CallContext } from '../context.ts';
import { type ExecuteResult, executeFunction } from '../execute.ts';
import { type InlineCall, itemsOf } from './inline-calls.ts';
import { createAttemptClock } from './inline-clock.ts';
import { inlineHooks } from './inline-hooks.ts';
import { secretsHere } from './secrets-here.ts';

export interface InlineRunner {
  /** There may be something to take: looks in a moment. */
  look(): void;
  /** Stops a call that runs. */
  stop(callId: string, cause: StopCause): void;
  /** Begins nothing any more, and stops what runs; nothing of that is heard. */
  close(reason: (callId: string) => Error): void;
}

export interface InlineRunnerOptions {
  readonly config: AppConfig;
  readonly pool: PoolConfig;
  readonly store: CallStore;
  readonly upkeep: Upkeep;
  readonly callOf: (id: string) => InlineCall | undefined;
  /** Whether there are runners now; when there are none, what has to end for it ends. */
  readonly hasRunners: () => boolean;
}

interface Running {
  stop(cause: StopCause): void;
  abandon(reason: Error): void;
}

const NOTHING_MISSING: Missing = new Map();

export const createInlineRunner = (options: InlineRunnerOptions): InlineRunner => {
  const { config, pool, store, upkeep, callOf, hasRunners } = options;
  const { release } = config;
  const running = new Map<string, Running>();
  let attempts = 0;
  let isLooking = false;
  let closed = false;
  let nextLook: LongTimeout | undefined;

  const look = (): void => {
    if (isLooking || closed) return;
    isLooking = true;
    queueMicrotask(() => {
      isLooking = false;
      void takeAll();
    });
  };

  /** Each attempt has a runner of its own, so that a test can lose one of them. */
  const takeAll = async (): Promise<void> => {
    while (!closed && hasRunners()) {
      attempts += 1;
      const runnerId = `inline-${attempts}`;
      const taken = await store.take({ runnerId, release }, { plain: 1, offer: [], offered: [] });
      const [call] = taken.calls;
      if (call === undefined) {
        nextLook?.clear();
        nextLook = taken.dueInMs === undefined ? undefined : inlineHooks().timer(look, taken.dueInMs);
        return;
      }
      void run(call, runnerId);
    }
  };

  const settle = (runnerId: string, verdict: Verdict | undefined): void => {
    if (verdict !== undefined && !closed) void store.settle({ runnerId, release }, [verdict], [false]);
  };

  const run = async (taken: TakenCall, runnerId: string): Promise<void> => {
    const { callId, attempt: ats, attemptsMade } = taken;
    const call = callOf(callId);
    if (taken.pickUp === undefined || call === undefined) return;
    const { generation } = taken.pickUp;
    if (call.items !== undefined && call.items.generation !== generation)
      call.items = itemsOf(call.request, generation);
    const pickUp = { ...taken.pickUp, streamFrom: call.items?.stream.nextFrom() ?? 0 };
    const fence: Fence = { callId, attempt: ats, generation: pickUp.generation };
    const attempt = ats - pickUp.attemptsBefore - pickUp.handedBack;
    const decision = decidePickUp({
      callId,
      pool: pool.name,
      pickUp,
      envelope: parseEnvelope(JSON.parse(taken.data)),
      distrust: undefined,
      closed,
      release,
      strict: false,
      missing: NOTHING_MISSING,
    });
    if (decision.kind === 'run') {
      const facts = { callId, pool: pool.name, ats, attempt, attemptsMade, pickUp, envelope: decision.envelope };
      return execute(call, facts, fence, runnerId);
    }
    if (decision.kind === 'finish') return settle(runnerId, { ...fence, kind: 'finish', reason: '' });
    if (decision.kind === 'settle')
      settle(runnerId, verdictOf(runnerId, fence, { attempt, pickUp }, { kind: 'error', error: decision.error }));
  };

  const execute = async (call: InlineCall, facts: CallFacts, fence: Fence, runnerId: string): Promise<void> => {
    const { callId, pickUp, attempt, envelope } = facts;
    const { timeoutMs } = envelope.opts;
    const abort = new AbortController();
    let cause: StopCause | undefined;
    let isOver = false;

    const conclude = (result: ExecutionResult): void => {
      if (isOver) return;
      isOver = true;
      clock.stop();
      deadline.clear();
      if (running.get(callId) === attempted) running.delete(callId);
      if (closed) return;
      if (cause === undefined && inlineHooks().losesRunner(call)) {
        void upkeep.releaseRunner(runnerId);
        return;
      }
      // Only what has come to its end says so.
      if (result.kind === 'returned' || result.kind === 'threw') items?.end();
      const plan = planOf(call, { call: facts, result, cause, release });
      settle(runnerId, verdictOf(runnerId, fence, facts, plan));
    };

    const attempted: Running = {
      stop(why) {
        cause ??= why;
        const reason = why.kind === 'cancel' ? why.reason : why.kind;
        abort.abort(stopError(facts, why, reason));
        items?.stop(abort.signal.reason);
        conclude({ kind: 'cancelled', reason });
      },
      abandon(reason) {
        abort.abort(reason);
        items?.stop(reason);
        conclude({ kind: 'abandoned', started: true });
      },
    };
    running.set(callId, attempted);
    const clock = createAttemptClock(timeoutMs, () => {
      abort.abort(attemptTimedOut(callId, attempt, timeoutMs));
      items?.stop(abort.signal.reason);
      conclude({ kind: 'timeout', timeoutMs });
    });
    // While it waits for its reader it does not execute.
    const items = call.items?.stream.begin(pickUp.streamFrom, (waits) => (waits ? clock.stop() : clock.go()));
    clock.go();
    const leftMs = pickUp.deadlineAt > 0 ? pickUp.deadlineAt - pickUp.at : Number.POSITIVE_INFINITY;
    const deadline = inlineHooks().timer(() => attempted.stop({ kind: 'deadline' }), leftMs);

    const { functionName } = call.request;
    const secrets = secretsHere(config, envelope.scope ?? callId);
    const payload = await argsOf(store, callId, envelope);
    if (isOver) return;
    const context = contextOf(facts, { store, signal: abort.signal, secrets, isOver: () => isOver });
    const { payloadLimit } = pool;
    conclude(resultOf(await executeFunction({ payload, functionName, context, payloadLimit, secrets, items })));
  };

  return {
    look,
    stop: (callId, cause) => running.get(callId)?.stop(cause),
    close(reason) {
      closed = true;
      nextLook?.clear();
      for (const [callId, attempted] of [...running]) attempted.abandon(reason(callId));
    },
  };
};

/** As `planAfterRun`, for a call that may have yielded what must not come a second time. */
const planOf = ({ items }: InlineCall, after: AfterRun): Plan => {
  const plan = planAfterRun(after);
  const from = items?.stream.nextFrom() ?? 0;
  if (from >= 0 || endsCall(plan) || plan.kind === 'drop') return plan;
  return afterItems(planAfterRun(withoutRerun(after)), after.call.callId, -1 - from);
};

/** Nothing is sealed here, so that it is there at once. */
const verdictOf = (
  runnerId: string,
  ...decided: Parameters<ReturnType<typeof createVerdictMaker>['of']>
): Verdict | undefined => createVerdictMaker(runnerId, noVault).of(...decided) as Verdict | undefined;

/** A copy for each attempt: decoding may hand the bytes themselves to the function. */
const argsOf = async (store: CallStore, callId: string, { args }: Envelope): Promise<Payload> =>
  args === null ? unpackPayload(await store.largeArgs(callId, Number.MAX_SAFE_INTEGER)) : { json: args, parts: [] };

const resultOf = (result: ExecuteResult): ExecutionResult => {
  const frame = packPayload(result.payload);
  if (result.ok) return { kind: 'returned', frame };
  const { retryable, retryDelayMs, errorName, errorMessage } = result;
  return { kind: 'threw', frame, retryable, retryDelayMs, errorName, errorMessage };
};

interface Around {
  readonly store: CallStore;
  readonly signal: AbortSignal;
  readonly secrets: SecretBox | undefined;
  /** A process of its own would have been killed by now. */
  readonly isOver: () => boolean;
}

const contextOf = (facts: CallFacts, { store, signal, secrets, isOver }: Around): CallContext => {
  const { callId, pool, attempt, pickUp, envelope } = facts;
  const { timeoutMs, resultTtlMs } = envelope.opts;
  const now = inlineHooks().now();
  return {
    callId,
    functionName: envelope.fn,
    pool,
    attempt,
    runnerLosses: pickUp.runnerLosses,
    resumeFrom: pickUp.streamFrom,
    deadline: attemptEndsAt(now, timeoutMs, pickUp.deadlineAt > 0 ? pickUp.deadlineAt : undefined),
    signal,
    draining: new AbortController().signal,
    isInline: true,
    progress(value) {
      const note = encodeNote(value, 'progress', secrets);
      if (!isOver()) void store.reportProgress(callId, note, Math.max(resultTtlMs, PROGRESS_TTL_MS));
    },
    ready(value) {
      const note = encodeNote(value, 'ready', secrets);
      if (!isOver()) void store.reportReady(callId, note);
    },
    log: () => undefined,
  };
};

/** Progress of a call is kept at least so long after its last value. */
const PROGRESS_TTL_MS = 3_600_000;
