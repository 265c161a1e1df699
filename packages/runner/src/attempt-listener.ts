/**
 * What an attempt says while it runs: output, progress, that it is up, calls of its own. Most calls say nothing, so each way out is made
 * when something comes for it.
 */
import { type CallStore, heldGates, type PoolKeys, type RedisClient, sealNote, type Vault } from '@flamejs/protocol';
import type { CallFacts } from '@flamejs/protocol/attempt/call-facts';
import type { AttemptSpan } from '@flamejs/queue';
import { unpackPayload } from '@flamejs/queue/internal';
import type { AskingCall, NestedService, NestedSession } from '@flamejs/queue/nested-service';
import type { Logger } from 'pino';
import { type CallLog, createCallLog } from './call-log.ts';
import type { MeteredAttempt } from './call-meter.ts';
import { type CallProgress, createCallProgress } from './call-progress.ts';
import type { Execution, ExecutionListener, OutputStream, StreamTap } from './executor/index.ts';

/** What the attempts of one runner share. */
export interface ListenerOptions {
  readonly client: RedisClient;
  readonly keys: PoolKeys;
  readonly store: CallStore;
  readonly pool: string;
  readonly runnerId: string;
  readonly vault: Vault;
  readonly logger: Logger;
  /** Makes the calls that functions make; without it they are refused. */
  readonly nested: NestedService | undefined;
}

/** Progress of a call is kept at least so long after its last value. */
const PROGRESS_TTL_MS = 3_600_000;

/** @param settleDoubt asked before it begins */
export const createAttemptListener = (
  options: ListenerOptions,
  attempt: ListenedAttempt,
  settleDoubt: () => Promise<void> | undefined,
): AttemptListener => new Listener(options, attempt, settleDoubt);

export interface ListenedAttempt {
  readonly facts: CallFacts;
  readonly execution: Execution;
  readonly metered: MeteredAttempt;
  readonly traced: AttemptSpan | undefined;
  readonly stream: StreamTap | undefined;
}

export interface AttemptListener extends ExecutionListener {
  /** Nothing comes any more. @returns when all that came is on its way; `undefined` when it is already */
  end(): Promise<void> | undefined;
}

class Listener implements AttemptListener {
  readonly #options: ListenerOptions;
  readonly #attempt: ListenedAttempt;
  readonly #settleDoubt: () => Promise<void> | undefined;
  #log: CallLog | undefined;
  #progress: CallProgress | undefined;
  #session: NestedSession | undefined;

  constructor(options: ListenerOptions, attempt: ListenedAttempt, settleDoubt: () => Promise<void> | undefined) {
    this.#options = options;
    this.#attempt = attempt;
    this.#settleDoubt = settleDoubt;
  }

  get stream(): StreamTap | undefined {
    return this.#attempt.stream;
  }

  beforeStart(): Promise<void> | undefined {
    const { metered, traced } = this.#attempt;
    metered.begun();
    traced?.begun();
    return this.#settleDoubt();
  }

  onLog(line: string, stream: OutputStream): void {
    const { client, keys, logger } = this.#options;
    const { facts, traced } = this.#attempt;
    this.#log ??= createCallLog(client, keys, facts.callId, logger, () => traced?.logFields ?? {});
    this.#log.add(line, stream);
  }

  onProgress(json: Uint8Array): void {
    const { store, vault, logger } = this.#options;
    const { callId, envelope } = this.#attempt.facts;
    const ttlMs = Math.max(envelope.opts.resultTtlMs, PROGRESS_TTL_MS);
    this.#progress ??= createCallProgress(store, callId, ttlMs, vault, logger);
    this.#progress.report(json);
  }

  onReady(json: Uint8Array): void {
    void storeReadiness(this.#options, this.#attempt.facts.callId, json);
  }

  async onNestedCall(request: Uint8Array): Promise<Uint8Array> {
    const { nested } = this.#options;
    if (nested === undefined) throw new Error('This runner does not pass on calls of functions.');
    this.#session ??= nested.open(askingCall(this.#options, this.#attempt));
    return this.#session.answer(request);
  }

  onStop(): void {
    this.#session?.stop();
  }

  end(): Promise<void> | undefined {
    this.#session?.end();
    this.#log?.flush();
    return this.#progress?.flush();
  }
}

/** Beside the call itself, so that whoever placed it finds it whenever they look. */
const storeReadiness = async (options: ListenerOptions, callId: string, json: Uint8Array): Promise<void> => {
  const { store, vault, logger } = options;
  try {
    const value = await sealNote(vault, json, { callId, kind: 'ready' });
    await store.reportReady(callId, value);
  } catch (error) {
    logger.warn({ err: error, callId }, 'the readiness of a call could not be stored');
  }
};

const askingCall = ({ pool, runnerId }: ListenerOptions, { facts, execution }: ListenedAttempt): AskingCall => {
  const { callId, envelope, ats } = facts;
  const { args, secrets } = execution;
  // Read now: their memory may be used again once the call has ended, and an answer may be late.
  const { json } = args instanceof Uint8Array ? unpackPayload(args) : args;
  return {
    callId,
    functionName: envelope.fn,
    descent: envelope.line,
    gates: heldGates(
      pool,
      (envelope.limits ?? []).map(({ gate }) => gate),
    ),
    pool,
    runnerId,
    ats,
    scope: secrets?.scope,
    args: () => json,
  };
};
