/**
 * One call on this runner, from its pick-up to its next place: decide, execute, decide again, move. Every way out carries a
 * verdict, by which Redis checks that this attempt is still the newest.
 */

import {
  createRedisStore,
  distrust,
  type Envelope,
  type Freshness,
  type PoolKeys,
  parseEnvelope,
  type RedisClient,
  type TakenCall,
  type Vault,
  type Verdict,
} from '@flamejs/protocol';
import { type Plan, planAfterRun, stopError, withoutRerun } from '@flamejs/protocol/attempt/after-run';
import { SUSPECT_LOSSES } from '@flamejs/protocol/attempt/budgets';
import type { CallFacts } from '@flamejs/protocol/attempt/call-facts';
import { decidePickUp } from '@flamejs/protocol/attempt/decide-pick-up';
import { isAbrupt } from '@flamejs/protocol/attempt/stop-cause';
import { createVerdictMaker, type Fence } from '@flamejs/protocol/attempt/to-verdict';
import { giveMemoryBack } from '@flamejs/protocol/passing-memory';
import type { AppConfig, AttemptSpan, PoolConfig, Telemetry } from '@flamejs/queue';
import { scopeKeys } from '@flamejs/queue/internal';
import type { NestedService } from '@flamejs/queue/nested-service';
import type { Logger } from 'pino';
import { createAttemptListener } from './attempt-listener.ts';
import { attemptEndOf, withTrace } from './attempt-trace.ts';
import { type Clocks, startClocks } from './call-clocks.ts';
import type { CallMeter } from './call-meter.ts';
import type { Execution, ExecutionResult, ExecutorPool } from './executor/index.ts';
import { fetchArgs } from './fetch-args.ts';
import { createHeldCall, type HeldCall, type HeldCalls } from './held-call.ts';
import type { SoloGate } from './solo-gate.ts';
import { concludeStream, type RunnerStreams } from './stream/runner-streams.ts';

export interface CallProcessorOptions {
  readonly app: string;
  readonly pool: PoolConfig;
  readonly keys: PoolKeys;
  readonly runnerId: string;
  readonly release: string;
  readonly signingKey: string | undefined;
  readonly signatures: Omit<Freshness, 'now'>;
  readonly encryptionKeys: AppConfig['encryptionKeys'];
  readonly vault: Vault;
  readonly client: RedisClient;
  /** Whether this attempt is still in this runner's hands. */
  readonly holds: (callId: string, attempt: number) => boolean;
  readonly executors: ExecutorPool;
  readonly calls: HeldCalls;
  /** Asks whether a call is still ours when there is doubt, before it begins. */
  readonly settleDoubt: (call: HeldCall) => Promise<void> | undefined;
  readonly onEnd: (call: HeldCall) => void;
  readonly gate: SoloGate;
  readonly logger: Logger;
  /** This runner starts nothing any more. */
  readonly isClosed: () => boolean;
  /** A call is about to be executed. */
  readonly onStart: () => void;
  readonly meter: CallMeter;
  readonly telemetry: Telemetry | undefined;
  /** No executor starts here any more. */
  readonly onBootFailed: (message: string) => void;
  /** The files of the application have changed. */
  readonly onStale: (message: string) => void;
  /** Makes the calls that functions make; without it they are refused. */
  readonly nested: NestedService | undefined;
  readonly streams: RunnerStreams;
}

export type CallProcessor = (taken: TakenCall) => Promise<Verdict | undefined>;

/** @returns what runs a call to its verdict. It never rejects */
export const createCallProcessor = (options: CallProcessorOptions): CallProcessor => {
  const { pool, keys, runnerId, client, calls, gate, logger, executors, vault, nested } = options;
  const listening = {
    client,
    keys,
    store: createRedisStore(client, keys),
    pool: pool.name,
    runnerId,
    vault,
    logger,
    nested,
  };
  // So that a second call of that function does not cost an executor its time.
  const missing = new Map<string, 'unknown' | 'changed'>();
  const verdicts = createVerdictMaker(runnerId, vault);

  return async ({ callId, attempt: ats, data, attemptsMade, pickUp }) => {
    if (pickUp === undefined) {
      return { callId, attempt: ats, generation: '', kind: 'reject', reason: 'this job was not added by Flame' };
    }
    const { generation } = pickUp;
    const fence: Fence = { callId, attempt: ats, generation };
    const attempt = ats - pickUp.attemptsBefore - pickUp.handedBack;
    const envelope = parseEnvelope(parsed(data));
    const decision = decidePickUp({
      callId,
      pool: pool.name,
      pickUp,
      envelope,
      distrust: typeof envelope === 'string' ? undefined : distrustOf(envelope, callId, pickUp.at),
      closed: options.isClosed(),
      release: options.release,
      strict: pool.releasePolicy === 'strict',
      missing,
    });
    switch (decision.kind) {
      case 'finish':
        return { ...fence, kind: 'finish', reason: '' };
      case 'hand-back':
        return { ...fence, kind: 'again', reason: 'its runner is draining', unbegun: true };
      case 'park':
        return conclude(fence, { attempt, pickUp }, decision);
      case 'settle':
        return conclude(fence, { attempt, pickUp }, { kind: 'error', error: decision.error });
      case 'run': {
        const facts = { callId, pool: pool.name, ats, attempt, attemptsMade, pickUp, envelope: decision.envelope };
        const { failOnLoss, timeoutMs, stream } = decision.envelope.opts;
        const bounded = Number.isFinite(timeoutMs);
        const { askedAt: confirmedAt } = pickUp;
        const resumable = stream?.resumable === true;
        const call = createHeldCall({ callId, ats, generation, failOnLoss, bounded, resumable, confirmedAt });
        // An earlier attempt whose loss nobody has noticed here.
        calls.get(callId)?.stop({ kind: 'superseded' });
        calls.add(call);
        try {
          return await conclude(fence, facts, await runSafely(facts, call));
        } finally {
          calls.remove(call);
          options.onEnd(call);
        }
      }
    }
  };

  function distrustOf(envelope: Envelope, callId: string, now: number): string | undefined {
    return distrust(envelope, callId, options.app, options.signingKey, { ...options.signatures, now });
  }

  /** A newer attempt may be in this very process: what this one has come to must not pass for its outcome. */
  async function conclude(
    fence: Fence,
    call: Pick<CallFacts, 'attempt' | 'pickUp'>,
    plan: Plan,
  ): Promise<Verdict | undefined> {
    if (!options.holds(fence.callId, fence.attempt)) return undefined;
    if (plan.kind === 'again') logger.debug({ callId: fence.callId, why: plan.why }, 'call goes back to the queue');
    if (plan.kind === 'park')
      logger.debug({ callId: fence.callId, ...plan.park }, 'call waits for a runner of its release');
    try {
      return await verdicts.of(fence, call, plan);
    } catch (error) {
      logger.error(
        { err: error, callId: fence.callId },
        'an outcome could not be made; the call goes back to the queue',
      );
      return { ...fence, kind: 'again', reason: 'its runner had a fault', delayMs: OWN_FAULT_DELAY_MS };
    }
  }

  /** A fault of our own must not fail a call: it is tried again, here or elsewhere. */
  async function runSafely(facts: CallFacts, call: HeldCall): Promise<Plan> {
    try {
      return await run(facts, call);
    } catch (error) {
      logger.error({ err: error, callId: facts.callId }, 'a call could not be executed; it goes back to the queue');
      return { kind: 'again', delayMs: OWN_FAULT_DELAY_MS, why: 'its runner had a fault', begun: true };
    }
  }

  /** Waits until it may run, and runs it. */
  async function run(facts: CallFacts, call: HeldCall): Promise<Plan> {
    const suspected = facts.pickUp.runnerLosses >= SUSPECT_LOSSES;
    const pass = suspected ? gate.enterAlone() : gate.enter();
    if (pass === undefined)
      return { kind: 'again', delayMs: 0, why: 'a call that has lost runners runs alone here', begun: false };
    const clocks = startClocks(facts, call);
    try {
      if (suspected) await Promise.race([pass.admitted, call.whenStopped()]);
      const early = stoppedEarly(facts, call);
      if (early !== undefined) return early;
      const fetched = fetchArgs(client, keys, facts.callId, facts.envelope, vault, pool.payloadLimit);
      // What is here already costs no turn of the loop.
      const found = fetched instanceof Promise ? await fetched : fetched;
      if ('error' in found) return { kind: 'error', error: found.error };
      return await execute(facts, call, clocks, executionOf(facts, found.args));
    } finally {
      clocks?.stop();
      pass.leave();
    }
  }

  async function execute(
    facts: CallFacts,
    call: HeldCall,
    clocks: Clocks | undefined,
    execution: Execution,
  ): Promise<Plan> {
    const { envelope } = facts;
    const traced = traceOf(facts);
    options.onStart();
    const metered = options.meter.pickedUp(facts);
    const stream = options.streams.open(facts, call);
    const asked = stream === undefined ? execution : { ...execution, stream: stream.order };
    const attempt = { facts, execution, metered, traced, stream };
    const listener = createAttemptListener(listening, attempt, () => options.settleDoubt(call));
    const running = executors.execute(withTrace(asked, traced), listener);
    clocks?.watch(() => running.started);
    call.attach(running);
    const result = await running.result;
    metered.stopped();
    const told = listener.end();
    if (told !== undefined) await told;
    // Its executor has read them, or it could not have answered, and nobody asks for them after the end.
    if (result.kind === 'returned' && execution.args instanceof Uint8Array) giveMemoryBack(execution.args);
    report(facts, result);
    if (result.kind === 'boot-failed') options.onBootFailed(result.message);
    if (result.kind === 'stale') options.onStale(result.message);
    const after = { call: facts, result, cause: call.cause, release: options.release };
    let plan = planAfterRun(after);
    if (stream !== undefined) {
      const final = (): Plan => planAfterRun(withoutRerun(after));
      plan = await concludeStream(stream, facts.callId, plan, final).finally(stream.close);
    }
    metered.ended(result, plan);
    traced?.ended(attemptEndOf(result, plan, vault.hides));
    if (plan.kind === 'park' && plan.park.why !== 'strict' && missing.size < MAX_MISSING)
      missing.set(envelope.fn, plan.park.why);
    return plan;
  }

  function executionOf(facts: CallFacts, args: Execution['args']): Execution {
    const { callId, envelope, pickUp, attempt } = facts;
    return {
      callId,
      functionName: envelope.fn,
      args,
      attempt,
      runnerLosses: pickUp.runnerLosses,
      timeoutMs: envelope.opts.timeoutMs,
      // In this machine's clock, which is the one that the function compares it with.
      deadlineAt: pickUp.deadlineAt > 0 ? Date.now() + pickUp.deadlineAt - pickUp.at : undefined,
      killGraceMs: pool.killGraceMs,
      payloadLimit: pool.payloadLimit,
      pool: pool.name,
      secrets: scopeKeys(options.app, options.encryptionKeys, envelope.scope ?? callId),
      releases: { caller: envelope.release, runner: options.release },
    };
  }

  function traceOf({ callId, attempt, pickUp, envelope }: CallFacts): AttemptSpan | undefined {
    if (envelope.trace === undefined) return undefined;
    return options.telemetry?.beginAttempt({
      callId,
      functionName: envelope.fn,
      pool: pool.name,
      carrier: envelope.trace,
      attempt,
      generation: pickUp.generation,
      runnerId,
      release: options.release,
      runnerLosses: pickUp.runnerLosses,
      waitedMs: pickUp.waitedMs,
    });
  }

  function report(facts: CallFacts, result: ExecutionResult): void {
    if (!logger.isLevelEnabled('debug')) return;
    const { callId, attempt, envelope } = facts;
    logger.debug({ callId, attempt, fn: envelope.fn, result: result.kind }, 'attempt ended');
  }
};

/** A job's data as somebody has put it into Redis. What is no JSON is no envelope. */
const parsed = (data: string): unknown => {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
};

const MAX_MISSING = 1_000;
const OWN_FAULT_DELAY_MS = 1_000;

/** What becomes of a call that somebody stopped before anything of it ran. */
const stoppedEarly = (facts: CallFacts, call: HeldCall): Plan | undefined => {
  const { cause } = call;
  if (cause === undefined) return undefined;
  if (cause.kind === 'superseded') return { kind: 'drop' };
  if (isAbrupt(cause)) return { kind: 'again', delayMs: 0, why: 'its runner stops', begun: false };
  return { kind: 'error', error: stopError(facts, cause, cause.kind === 'cancel' ? cause.reason : '') };
};
