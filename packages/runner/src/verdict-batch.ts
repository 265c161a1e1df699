/** Collects the verdicts of one turn of the event loop and sends them together. Redis may be loading, full or failing over: that passes. */
import { isPassing, pauseBefore, type Settled, type Verdict } from '@flamejs/protocol';
import { giveMemoryBack } from '@flamejs/protocol/passing-memory';

/** Most verdicts, and bytes of outcomes, that one script takes: it keeps Redis from everybody else for so long. */
const MOST_VERDICTS = 64;
const MOST_BYTES = 1024 * 1024;

export interface VerdictBatch {
  add(verdict: Verdict): void;
}

export interface VerdictBatchOptions {
  readonly isClosed: () => boolean;
  readonly onError: (error: Error) => void;
  /** Sends them. @returns what became of each; rejects when nothing is known of any */
  readonly settle: (verdicts: readonly Verdict[]) => Promise<readonly Settled['status'][]>;
  /** It will be sent again. */
  readonly onDelayed: (verdict: Verdict) => void;
  /** It will not be sent any more. @param delayed whether `onDelayed` was told of it */
  readonly onDropped: (verdict: Verdict, delayed: boolean) => void;
}

export const createVerdictBatch = (options: VerdictBatchOptions): VerdictBatch => {
  const { isClosed, onError, settle, onDelayed, onDropped } = options;
  let waiting: Verdict[] = [];
  const tries = new WeakMap<Verdict, number>();

  const flush = (): void => {
    const all = waiting;
    waiting = [];
    let from = 0;
    let bytes = 0;
    for (const [at, { outcome }] of all.entries()) {
      bytes += outcome?.body.length ?? 0;
      if (at + 1 - from < MOST_VERDICTS && bytes < MOST_BYTES && at + 1 < all.length) continue;
      void send(all.slice(from, at + 1));
      from = at + 1;
      bytes = 0;
    }
  };

  const send = async (verdicts: readonly Verdict[]): Promise<void> => {
    let results: readonly (Settled['status'] | undefined)[];
    try {
      results = await settle(verdicts);
    } catch (error) {
      results = verdicts.map(() => error as Error);
    }
    for (const [at, verdict] of verdicts.entries()) {
      const result = results[at];
      if (result instanceof Error) void failed(verdict, result);
      // One that was sent more than once may still be on its way.
      else if (result !== undefined && !tries.has(verdict)) giveMemoryBack(verdict.outcome?.body);
    }
  };

  /** Its work is done: it is sent until Redis takes it, or says that it never will. Then it ends as a lost attempt does. */
  const failed = async (verdict: Verdict, error: Error): Promise<void> => {
    if (!isPassing(error) || isClosed()) {
      onError(error);
      return onDropped(verdict, false);
    }
    onDelayed(verdict);
    const attempt = (tries.get(verdict) ?? 0) + 1;
    tries.set(verdict, attempt);
    await pauseBefore(attempt);
    if (isClosed()) onDropped(verdict, true);
    else add(verdict);
  };

  const add = (verdict: Verdict): void => {
    waiting.push(verdict);
    if (waiting.length === 1) setImmediate(flush);
  };

  return { add };
};
