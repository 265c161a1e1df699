/** One execution on one executor: from the message that starts it to its result. The deadline and its kill live here. */
import { type LongTimeout, setLongTimeout } from '@flamejs/queue/internal';
import type { LineSink } from './line-sink.ts';
import type { FromExecutor, OutputMarks, ToExecutor } from './messages.ts';
import type { Execution, ExecutionListener, ExecutionResult } from './types.ts';

/** What a run needs of its executor. */
export interface RunHost {
  send(message: ToExecutor): void;
  /** The end of the executor follows, and with it `onEnd`. */
  kill(): void;
  /** Ends this run's output; `undefined` when all of it has been delivered. */
  closeOutput(marks: OutputMarks | undefined): Promise<void> | undefined;
}

/** How a run left its executor. */
export type RunEnd =
  /** It is free for the next call. */
  | 'free'
  /** It is dead or dying. */
  | 'lost';

export interface Run {
  /** The result, or `undefined` when the executor was lost before it had begun: then it can run elsewhere. */
  readonly result: Promise<ExecutionResult | undefined>;
  readonly started: boolean;
  readonly seq: number;
  onMessage(message: FromExecutor): void;
  /** The executor is dead. @param classify what that means when nobody had asked for it. */
  onEnd(classify: () => ExecutionResult): void;
  /** It is being killed for this reason. The first reason stands. */
  stop(verdict: ExecutionResult): void;
  cancel(reason: string): void;
  abandon(): void;
}

/**
 * An idle executor starts a call at once. One that does not is kept busy by what an earlier call left behind, and that
 * must not count as this call's time.
 */
const START_PATIENCE_MS = 15_000;
/** An executor that has reported a fault ends by itself; exit handlers of user code may hold it up. */
const EXIT_PATIENCE_MS = 2_000;

export const startRun = (
  seq: number,
  execution: Execution,
  listener: ExecutionListener,
  sink: LineSink,
  host: RunHost,
  onFinished: (end: RunEnd) => void,
): Run => {
  const { killGraceMs, timeoutMs } = execution;
  let started = false;
  let finished = false;
  /** What the result will be although the executor has not ended yet. */
  let verdict: ExecutionResult | undefined;
  let resolveResult: (result: ExecutionResult | undefined) => void;
  const result = new Promise<ExecutionResult | undefined>((resolve) => {
    resolveResult = resolve;
  });
  let timer: LongTimeout = setLongTimeout(neverStarted, START_PATIENCE_MS);

  const finish = (outcome: ExecutionResult | undefined, end: RunEnd, marks?: OutputMarks): void => {
    if (finished) return;
    finished = true;
    timer.clear();
    const lag = host.closeOutput(marks);
    // The lines of a call come before its result.
    if (lag === undefined) resolveResult(outcome);
    else void lag.then(() => resolveResult(outcome));
    onFinished(end);
  };

  const stop = (reason: ExecutionResult): void => {
    if (finished) return;
    verdict ??= reason;
    host.kill();
  };

  function neverStarted(): void {
    stop({ kind: 'late-fault', message: 'what an earlier call left running keeps the executor busy', started: false });
  }

  /** Asks the function to end, and sees to it. */
  const wind = (reason: ExecutionResult, cause: 'timeout' | 'cancelled', text: string): void => {
    if (finished || verdict !== undefined) return;
    verdict = reason;
    timer.clear();
    host.send({ t: 'abort', seq, cause, reason: text });
    timer = setLongTimeout(host.kill, killGraceMs);
  };

  const begin = (): void => {
    if (started) return;
    started = true;
    if (verdict === undefined) {
      timer.clear();
      timer = setLongTimeout(() => wind({ kind: 'timeout', timeoutMs }, 'timeout', ''), timeoutMs);
    }
    listener.onStarted?.();
  };

  const nested = async (id: number, bytes: Uint8Array): Promise<void> => {
    try {
      if (listener.onNestedCall === undefined) throw new Error('This runner does not pass on calls of functions.');
      const reply = await listener.onNestedCall(bytes);
      if (!finished) host.send({ t: 'reply', id, bytes: reply });
    } catch (error) {
      if (!finished) host.send({ t: 'reply', id, error: error instanceof Error ? error.message : String(error) });
    }
  };

  const onMessage = (message: FromExecutor): void => {
    if (finished) return;
    switch (message.t) {
      case 'started':
        begin();
        return;
      case 'returned':
        // After a deadline or a cancel a value comes too late, even within the grace.
        finish(verdict ?? { kind: 'returned', frame: message.frame }, 'free', message.marks);
        return;
      case 'threw': {
        const { t: _, seq: __, marks, retryDelayMs, ...thrown } = message;
        const delay = retryDelayMs === undefined ? {} : { retryDelayMs };
        finish(verdict ?? { kind: 'threw', ...thrown, ...delay }, 'free', marks);
        return;
      }
      case 'progress':
        listener.onProgress?.(message.json);
        return;
      case 'log':
        sink.add(message.text);
        return;
      case 'nested':
        void nested(message.id, message.bytes);
        return;
      case 'fault':
        sink.write('stderr', Buffer.from(`${message.text}\n`));
        timer.clear();
        timer = setLongTimeout(host.kill, EXIT_PATIENCE_MS);
        return;
      default:
        return;
    }
  };

  return {
    result,
    seq,
    get started() {
      return started;
    },
    onMessage,
    onEnd: (classify) => finish(verdict ?? (started ? classify() : undefined), 'lost'),
    stop,
    cancel: (reason) => wind({ kind: 'cancelled', reason }, 'cancelled', reason),
    abandon: () => {
      if (finished) return;
      verdict = { kind: 'abandoned', started };
      host.kill();
    },
  };
};
