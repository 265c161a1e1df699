/**
 * Many calls of one function, with back-pressure: an input is read only when there is room for its call, and when the
 * consumer has taken earlier results off our hands.
 */

import { FlameCancelledError } from '@flamejs/protocol/errors';
import { configError } from '@flamejs/protocol/errors/input-errors';
import { type AbortListener, listen, unlisten } from './abort-listeners.ts';

/** Options of `flame.map`. */
export interface MapOptions {
  /** Calls under way, and results that the consumer has not taken, at most. Default: 100. */
  readonly concurrency?: number;
  /** `true` (default): results come in the order of the inputs; `false`: as they complete. */
  readonly ordered?: boolean;
  /**
   * `false` (default): the iteration yields values, the first error ends it and the calls under way are cancelled.
   * `true`: it yields an outcome for every input and no call's error ends it.
   */
  readonly outcomes?: boolean;
}

/** One result of `flame.map` with `outcomes: true`: a value or an error, and whose. */
export type MapOutcome<Result> =
  | { readonly index: number; readonly ok: true; readonly value: Result }
  | { readonly index: number; readonly ok: false; readonly error: unknown };

/** One input: the list of arguments; for a function of one argument that is no array, the argument itself will do. */
export type MapInput<Args extends readonly unknown[]> =
  | Readonly<Args>
  | (Args extends readonly [infer Only] ? (Only extends readonly unknown[] ? never : Only) : never);

type Inputs = Iterable<unknown> | AsyncIterable<unknown>;
type Call = (args: readonly unknown[], signal: AbortSignal) => Promise<unknown>;

const DEFAULT_CONCURRENCY = 100;

/** @param signal ends all calls under way, and the iteration with them */
export async function* mapCalls(
  call: Call,
  inputs: Inputs,
  options: MapOptions = {},
  signal?: AbortSignal,
): AsyncGenerator<unknown, void, void> {
  const { concurrency = DEFAULT_CONCURRENCY, ordered = true, outcomes = false } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw configError('options of flame.map', [
      { path: 'concurrency', message: `expected a whole number from 1, got ${concurrency}` },
    ]);
  }
  const abort = new AbortController();
  // One for all calls of this iteration: the given one may live as long as the process.
  const onAbort: AbortListener = { onAbort: () => abort.abort(signal?.reason) };
  if (signal?.aborted) onAbort.onAbort();
  else if (signal !== undefined) listen(signal, onAbort);
  const source = iterate(inputs);
  /** Under way or not yet taken, in the order of the inputs. */
  const window = new Map<number, Promise<MapOutcome<unknown>>>();
  const completed: MapOutcome<unknown>[] = [];
  let onCompleted = (): void => undefined;
  let next = 0;
  let exhausted = false;

  const begin = (input: unknown): void => {
    const index = next++;
    const args = Array.isArray(input) ? input : [input];
    const outcome = call(args, abort.signal).then(
      (value): MapOutcome<unknown> => ({ index, ok: true, value }),
      (error): MapOutcome<unknown> => ({ index, ok: false, error }),
    );
    window.set(index, outcome);
    if (ordered) return;
    void outcome.then((one) => {
      completed.push(one);
      onCompleted();
    });
  };

  /** Not by a race: each would leave its reactions on a slow call for as long as that takes. */
  const nextCompleted = async (): Promise<MapOutcome<unknown> | undefined> => {
    if (completed.length === 0)
      await new Promise<void>((resolve) => {
        onCompleted = resolve;
      });
    return completed.shift();
  };

  try {
    for (;;) {
      while (!exhausted && window.size < concurrency) {
        const { done, value } = await source.next();
        if (done === true) exhausted = true;
        else begin(value);
      }
      if (window.size === 0) return;
      const [oldest] = window.values();
      const outcome = ordered ? await oldest : await nextCompleted();
      if (outcome === undefined) return;
      window.delete(outcome.index);
      if (outcomes) yield outcome;
      else if (outcome.ok) yield outcome.value;
      else throw outcome.error;
    }
  } finally {
    if (signal !== undefined) unlisten(signal, onAbort);
    // A consumer that stops early, and the first error, leave calls behind that nobody waits for.
    if (window.size > 0)
      abort.abort(new FlameCancelledError('flame.map ended before this call did', { reason: 'flame.map ended early' }));
    await source.return?.(undefined);
  }
}

const iterate = (inputs: Inputs): Iterator<unknown> | AsyncIterator<unknown> =>
  Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]();
