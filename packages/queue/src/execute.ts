/**
 * Executes one attempt of a call where its function lives: in an executor, or in the caller's process in inline mode. It
 * answers with bytes in every case; nothing that user code throws comes out as an exception.
 */

import { decode, describeThrown, encode, encodeThrown, type Payload, packPayload } from '@flamejs/protocol/codec';
import { FlameCodecError, FlameUnknownFunctionError } from '@flamejs/protocol/errors/input-errors';
import { isNonRetryable } from '@flamejs/protocol/errors/non-retryable';
import { FlameStreamError } from '@flamejs/protocol/errors/stream-errors';
import { parseFunctionId } from '@flamejs/protocol/function-id';
import type { SecretBox } from '@flamejs/protocol/payload/secret-box';
import { didYouMean } from '@flamejs/protocol/suggest';
import type { TraceCarrier } from '@flamejs/protocol/trace-carrier';
import { askBackoff } from './backoff.ts';
import { bindClosure, findClosure, missingClosure } from './closures.ts';
import { type CallContext, runWithContext } from './context.ts';
import { findFunction, knownFunctions, type RegisteredFunction } from './registry.ts';
import type { ItemSink } from './stream/item-sink.ts';
import { closeStream, isStream, pumpItems } from './stream/pump.ts';
import { currentTelemetry } from './telemetry/current.ts';

export interface ExecuteRequest {
  /** The encoded list of arguments. */
  readonly payload: Payload;
  /** Of a function made by `flame.fn`, or the id of a closure. */
  readonly functionName: string;
  readonly context: CallContext;
  /** The attempt's place among traces. */
  readonly trace?: TraceCarrier | undefined;
  /** Bytes of the encoded result. */
  readonly payloadLimit: number;
  /** Opens and seals what `flame.secret` wraps; `undefined` when the app has no keys. */
  readonly secrets?: SecretBox | undefined;
  /** Of the caller and of this process, for the error about a closure that is not here. */
  readonly releases?: { readonly caller: string; readonly runner: string };
  /** Where what it yields goes; `undefined` for a call that is awaited for one value. */
  readonly items?: ItemSink | undefined;
}

export type ExecuteResult =
  | { readonly ok: true; readonly payload: Payload }
  | {
      readonly ok: false;
      /** What was thrown, encoded; decodes to an error. */
      readonly payload: Payload;
      /** Whether another attempt makes sense; whether one is left is the runner's to know. */
      readonly retryable: boolean;
      /** What the function's own backoff asks for; `undefined` when it has none, or one that is data. */
      readonly retryDelayMs: number | undefined;
      readonly errorName: string;
      readonly errorMessage: string;
    };

type Target = Pick<RegisteredFunction, 'retryIf' | 'backoff'> & { run(args: readonly unknown[]): unknown };

/** Most names that an error about an unknown function lists. */
const MAX_KNOWN = 50;

/**
 * @returns the encoded result, or the encoded error with what is known of retrying; at once when the function does not make anybody wait,
 * for a promise costs as much as a small function. Never throws or rejects.
 */
export const executeFunction = (request: ExecuteRequest): ExecuteResult | Promise<ExecuteResult> => {
  const { payload, functionName, context, payloadLimit, secrets } = request;
  let target: Target;
  let args: readonly unknown[];
  try {
    target = targetOf(request);
    args = argumentsOf(decode(payload, { limit: payloadLimit, secrets }), functionName);
  } catch (error) {
    return failed(error, false, undefined, secrets);
  }
  const judged = (error: unknown): Promise<ExecuteResult> =>
    runWithContext(context, () => judge(error, target, context, secrets));
  try {
    const value = runWithContext(context, () => inTrace(request.trace, () => target.run(args)));
    if (isThenable(value)) return settled(value, request, judged);
    return outcomeOf(value, request, judged);
  } catch (error) {
    return judged(error);
  }
};

const settled = async (
  value: PromiseLike<unknown>,
  request: ExecuteRequest,
  judged: (error: unknown) => Promise<ExecuteResult>,
): Promise<ExecuteResult> => {
  let result: unknown;
  try {
    result = await value;
  } catch (error) {
    return judged(error);
  }
  return outcomeOf(result, request, judged);
};

/** Never throws. */
const outcomeOf = (
  value: unknown,
  request: ExecuteRequest,
  judged: (error: unknown) => Promise<ExecuteResult>,
): ExecuteResult | Promise<ExecuteResult> => {
  const { functionName, context, items, secrets } = request;
  if (!isStream(value)) {
    if (items === undefined) return returned(value, request);
    return failed(
      streamError(context, `${functionName} returned a value and yields no items`, 'no-items'),
      false,
      undefined,
      secrets,
    );
  }
  if (items !== undefined) return runWithContext(context, () => streamed(value, items, request, judged));
  closeStream(value);
  const message = `${functionName} yields items, and this call awaits one value: use flame.stream`;
  return failed(streamError(context, message, 'called'), false, undefined, secrets);
};

const streamError = ({ callId }: CallContext, message: string, reason: 'called' | 'no-items'): FlameStreamError =>
  new FlameStreamError(`call ${callId}: ${message}`, { callId, reason });

/** Hands on what it yields; what a generator returns is the call's value. */
const streamed = async (
  source: Parameters<typeof pumpItems>[0],
  items: ItemSink,
  request: ExecuteRequest,
  judged: (error: unknown) => Promise<ExecuteResult>,
): Promise<ExecuteResult> => {
  const { payloadLimit, secrets } = request;
  let refused: { readonly error: unknown } | undefined;
  const encodeItem = (item: unknown): Uint8Array => {
    try {
      return packPayload(encode(item, { limit: payloadLimit, root: 'item', secrets }));
    } catch (error) {
      refused = { error };
      throw error;
    }
  };
  let result: unknown;
  try {
    result = await pumpItems(source, items, encodeItem);
  } catch (error) {
    // As with a result that cannot be sent, doing it again would end here again.
    return refused?.error === error ? failed(error, false, undefined, secrets) : judged(error);
  }
  return returned(result, request);
};

/** Never throws. */
const returned = (value: unknown, { payloadLimit, secrets }: ExecuteRequest): ExecuteResult => {
  try {
    return { ok: true, payload: encode(value, { limit: payloadLimit, root: 'result', secrets }) };
  } catch (error) {
    // The function did its work; doing it again would end here again.
    return failed(error, false, undefined, secrets);
  }
};

/** What the function does is below its attempt, where this process traces anything. */
const inTrace = <T>(carrier: TraceCarrier | undefined, fn: () => T): T => {
  const telemetry = carrier === undefined ? undefined : currentTelemetry();
  return carrier === undefined || telemetry === undefined ? fn() : telemetry.run(carrier, fn);
};

/** What `await` would wait for. */
const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  value !== null &&
  (typeof value === 'object' || typeof value === 'function') &&
  typeof (value as { readonly then?: unknown }).then === 'function';

const targetOf = ({ functionName, releases }: ExecuteRequest): Target => {
  const known = findFunction(functionName);
  if (known !== undefined) {
    return { retryIf: known.retryIf, backoff: known.backoff, run: (args) => known.handler(...(args as never)) };
  }
  const closure = findClosure(functionName);
  if (closure !== undefined) {
    return {
      retryIf: undefined,
      backoff: undefined,
      run: ([captures, ...rest]) =>
        bindClosure(closure, (captures ?? {}) as Parameters<typeof bindClosure>[1])(...(rest as never[])),
    };
  }
  if (parseFunctionId(functionName) !== undefined)
    throw missingClosure(functionName, releases ?? { caller: '?', runner: '?' });
  throw unknownFunction(functionName);
};

const unknownFunction = (functionName: string): FlameUnknownFunctionError => {
  const known = knownFunctions();
  const list =
    known.length === 0 ? 'none is' : `${known.slice(0, MAX_KNOWN).join(', ')} ${known.length === 1 ? 'is' : 'are'}`;
  const message = `no function "${functionName}" is registered here; ${list}.${didYouMean(functionName, known)}`;
  return new FlameUnknownFunctionError(message, { functionName, known: known.slice(0, MAX_KNOWN) });
};

const argumentsOf = (value: unknown, functionName: string): readonly unknown[] => {
  if (Array.isArray(value)) return value;
  throw new FlameCodecError(`the arguments of ${functionName} are not a list`, { path: 'arguments' });
};

const judge = async (
  error: unknown,
  target: Target,
  context: CallContext,
  secrets: SecretBox | undefined,
): Promise<ExecuteResult> => {
  if (isNonRetryable(error)) return failed(error, false, undefined, secrets);
  const retryable = await asks(() => target.retryIf?.(error, context.attempt) ?? true, true, 'retryIf', context);
  const { backoff } = target;
  if (!retryable || backoff === undefined) return failed(error, retryable, undefined, secrets);
  const delayMs = await asks(() => askBackoff(backoff, context.attempt, error), undefined, 'backoff', context);
  return failed(error, true, delayMs, secrets);
};

/** A predicate that fails must not hide the error that it was asked about: it is logged, and the default holds. */
const asks = async <T>(
  question: () => T | Promise<T>,
  otherwise: T,
  name: string,
  context: CallContext,
): Promise<T> => {
  try {
    return await question();
  } catch (error) {
    context.log(`${name} of ${context.functionName} threw, so it is ignored:`, error);
    return otherwise;
  }
};

const failed = (
  error: unknown,
  retryable: boolean,
  retryDelayMs: number | undefined,
  secrets: SecretBox | undefined,
): ExecuteResult => ({
  ok: false,
  payload: encodeThrown(error, { secrets }),
  retryable,
  retryDelayMs,
  ...named(error),
});

const named = (error: unknown): { readonly errorName: string; readonly errorMessage: string } => {
  const { name, message } = describeThrown(error);
  return { errorName: name, errorMessage: message };
};
