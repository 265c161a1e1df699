/** Runs one call inside of an executor: from the bytes of its arguments to the message that ends it. */
import { format } from 'node:util';
import { borrowMemory } from '@flamejs/protocol/passing-memory';
import { packChunk } from '@flamejs/protocol/stream/chunk';
import {
  attemptEndsAt,
  type CallContext,
  type Credit,
  createItemSink,
  describeThrown,
  type ExecuteResult,
  encodeNote,
  encodeThrown,
  executeFunction,
  FlameCancelledError,
  FlameTimeoutError,
  giveSecrets,
  type ItemSink,
  type Payload,
  packPayload,
  scopeBox,
  unpackPayload,
  whileLoading,
} from '@flamejs/queue/internal';
import { MAX_LOG_BYTES } from '../line-sink.ts';
import type { CallMessage, FromExecutor } from '../messages.ts';
import type { EncodedArgs, StreamOrder } from '../types.ts';
import type { Blame } from './blame.ts';
import { type ClosureModules, StaleModules } from './closures.ts';
import { createLazySignal } from './lazy-signal.ts';
import type { Port } from './port.ts';
import { createThrottle } from './throttle.ts';

export interface Performance {
  /** The message with the outcome, at once, when nothing had to be waited for. What is known only after it is still to be filled in. */
  readonly outcome: Ending | Promise<Ending>;
  abort(cause: 'timeout' | 'cancelled', reason: string): void;
  /** More of what it yields may be sent. */
  grant(credit: Credit): void;
  /** Tells the function that its runner takes no more calls. */
  drain(reason: string): void;
}

/** Filled in rather than copied: a copy costs more than its fields. */
export type Ending =
  | Fillable<Extract<FromExecutor, { t: 'returned' }>>
  | Fillable<Extract<FromExecutor, { t: 'threw' }>>;
type Fillable<T extends { marks: unknown; unfinished: unknown }> = Omit<T, 'marks' | 'unfinished'> & {
  -readonly [K in 'marks' | 'unfinished']: T[K];
};

export const perform = (
  call: CallMessage,
  port: Port,
  closures: ClosureModules | undefined,
  blame: Blame,
): Performance => {
  const { seq, callId, functionName, payloadLimit } = call;
  const stop = createLazySignal();
  const draining = createLazySignal();
  let logBudget = MAX_LOG_BYTES;
  const log = (text: string): void => {
    if (logBudget < 0) return;
    // One too many arrives, by which the runner knows that there was more.
    logBudget -= Buffer.byteLength(text) + 1;
    port.post({ t: 'log', seq, text });
  };
  const secrets = scopeBox(call.secrets);
  const progress = createThrottle((json: Uint8Array) => port.post({ t: 'progress', seq, json }));
  const items = call.stream === undefined ? undefined : sinkOf(seq, call.stream, port);
  const context: CallContext = {
    callId,
    functionName,
    pool: call.pool,
    attempt: call.attempt,
    runnerLosses: call.runnerLosses,
    resumeFrom: call.stream?.from ?? 0,
    deadline: attemptEndsAt(Date.now(), call.timeoutMs, call.deadlineAt),
    get signal() {
      return stop.signal;
    },
    get draining() {
      return draining.signal;
    },
    isInline: false,
    progress: (value) => progress.send(encodeNote(value, 'progress', secrets)),
    ready: (value) => port.post({ t: 'up', seq, json: encodeNote(value, 'ready', secrets) }),
    log: (...values) => log(format(...values)),
  };
  giveSecrets(context, secrets);

  const execute = (): Ending | Promise<Ending> => {
    const payload = readArgs(call.args);
    const releases = call.releases === undefined ? {} : { releases: call.releases };
    const result = executeFunction({
      payload,
      functionName,
      context,
      payloadLimit,
      secrets,
      trace: call.trace,
      items,
      ...releases,
    });
    // By its fields: an application may have replaced `Promise`.
    return 'ok' in result ? ending(result) : result.then(ending);
  };

  const ending = (result: ExecuteResult): Ending => {
    progress.flush();
    items?.end();
    const frame = packPayload(result.payload, borrowMemory);
    if (result.ok) return { t: 'returned', seq, frame, marks: undefined, unfinished: false };
    const { retryable, retryDelayMs, errorName, errorMessage } = result;
    return {
      t: 'threw',
      seq,
      frame,
      retryable,
      retryDelayMs,
      errorName,
      errorMessage,
      marks: undefined,
      unfinished: false,
    };
  };

  const failed = (error: unknown): Ending | Promise<Ending> => {
    if (!(error instanceof StaleModules)) return refuse(seq, error);
    // The runner ends this process.
    port.post({ t: 'stale', seq, message: error.message });
    return new Promise<never>(() => {});
  };

  const run = (): Ending | Promise<Ending> => {
    try {
      const outcome = closures?.needs(functionName)
        ? whileLoading(() => blame.loading(() => closures.load(functionName))).then(execute)
        : execute();
      return 't' in outcome ? outcome : outcome.catch(failed);
    } catch (error) {
      return failed(error);
    }
  };

  return {
    outcome: blame.run(seq, context, run),
    abort: (cause, reason) => {
      const error =
        cause === 'timeout'
          ? new FlameTimeoutError(`call ${callId} ran longer than its timeout of ${call.timeoutMs} ms`, {
              callId,
              timeoutMs: call.timeoutMs,
              attempt: call.attempt,
            })
          : new FlameCancelledError(`call ${callId} was cancelled: ${reason}`, { callId, reason });
      stop.abort(error);
      items?.stop(error);
    },
    grant: (credit) => items?.grant(credit),
    drain: (reason) => draining.abort(new Error(`the runner takes no more calls: ${reason}`)),
  };
};

const sinkOf = (seq: number, { from, generation, attempt, items, bytes }: StreamOrder, port: Port): ItemSink =>
  createItemSink({
    from,
    credit: { items, bytes },
    send: ({ size, ...batch }) => {
      const chunk = packChunk({ ...batch, generation, attempt });
      port.post({ t: 'items', seq, first: batch.first, count: batch.items.length, size, bytes: chunk });
    },
  });

const readArgs = (args: EncodedArgs): Payload =>
  args instanceof Uint8Array ? unpackPayload(args) : { json: args.json, parts: [] };

/** What is wrong with the bytes of a call does not get better by trying again. */
const refuse = (seq: number, error: unknown): Ending => {
  const { name, message } = describeThrown(error);
  return {
    t: 'threw',
    seq,
    frame: packPayload(encodeThrown(error)),
    retryable: false,
    retryDelayMs: undefined,
    errorName: name,
    errorMessage: message,
    marks: undefined,
    unfinished: false,
  };
};
