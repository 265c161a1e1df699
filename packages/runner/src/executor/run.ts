/** One execution on one executor: from the message that starts it to its result. The deadline and its kill live here. */
import { type LongTimeout, setLongTimeout } from '@flamejs/queue/internal';
import type { LineSink } from './line-sink.ts';
import type { FromExecutor, OutputMarks, ToExecutor } from './messages.ts';
import type { ReadStart } from './start-mark.ts';
import type { Execution, ExecutionListener, ExecutionResult } from './types.ts';

/** What a run needs of its executor. */
export interface RunHost {
  send(message: ToExecutor): void;
  readonly startedAgo: ReadStart;
  /**
   * An idle executor begins a call at once. One that does not is kept busy by what an earlier call has left running, and
   * that must not count as this call's time.
   */
  readonly startTimeoutMs: number;
  /** The end of the executor follows, and with it `onEnd`. */
  kill(): void;
  /** Ends this run's output; `undefined` when all of it has been delivered. */
  closeOutput(marks: OutputMarks | undefined): Promise<void> | undefined;
}

/** How a run left its executor: free for the next call, soon free unless something stays, or dead or dying. */
export type RunEnd = 'free' | 'unfinished' | 'lost';

export interface Run {
  readonly seq: number;
  /** The result, or `undefined` when the executor was lost before it had begun: then it can run elsewhere. */
  readonly result: Promise<ExecutionResult | undefined>;
  readonly started: boolean;
  onMessage(message: FromExecutor): void;
  /** The executor is dead. @param classify what that means when nobody had asked for it. */
  onEnd(classify: () => ExecutionResult): void;
  /** It is being killed for this reason. The first reason stands. */
  stop(verdict: ExecutionResult): void;
  cancel(reason: string): void;
  abandon(): void;
}

/** Between two looks at whether it has begun. */
const START_CHECK_MS = 250;
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
  const sentAt = performance.now();
  let started = false;
  let finished = false;
  /** What the result will be although the executor has not ended yet. */
  let verdict: ExecutionResult | undefined;
  /** What nothing caught, as the executor said before it ended. */
  let fault: string | undefined;
  let resolveResult: (result: ExecutionResult | undefined) => void;
  const result = new Promise<ExecutionResult | undefined>((resolve) => {
    resolveResult = resolve;
  });

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

  const hasStarted = (): boolean => {
    started ||= host.startedAgo(seq) !== undefined;
    return started;
  };

  const stop = (reason: ExecutionResult): void => {
    if (finished) return;
    verdict ??= reason;
    host.kill();
  };

  /** Asks the function to end, and sees to it. */
  const wind = (reason: ExecutionResult, cause: 'timeout' | 'cancelled', text: string): void => {
    if (finished || verdict !== undefined) return;
    verdict = reason;
    host.send({ t: 'abort', seq, cause, reason: text });
    listener.onStop?.();
    rearm(host.kill, killGraceMs);
  };

  /** Time is counted from the start, which is known only by looking. */
  const checkTime = (): void => {
    const ranMs = host.startedAgo(seq) ?? (started ? performance.now() - sentAt : undefined);
    if (ranMs !== undefined) {
      started = true;
      if (ranMs >= timeoutMs) wind({ kind: 'timeout', timeoutMs }, 'timeout', '');
      else if (timeoutMs !== Number.POSITIVE_INFINITY) rearm(checkTime, timeoutMs - ranMs);
    } else if (performance.now() - sentAt < host.startTimeoutMs) {
      rearm(checkTime, START_CHECK_MS);
    } else {
      const message = 'what an earlier call has left running keeps the executor busy';
      stop({ kind: 'late-fault', message, started: false });
    }
  };
  let timer: LongTimeout = setLongTimeout(checkTime, Math.min(timeoutMs, host.startTimeoutMs));
  const rearm = (fn: () => void, ms: number): void => {
    timer.clear();
    timer = setLongTimeout(fn, ms);
  };

  const answer = async (id: number, bytes: Uint8Array): Promise<void> => {
    try {
      if (listener.onNestedCall === undefined) throw new Error('This runner does not pass on calls of functions.');
      const reply = await listener.onNestedCall(bytes);
      if (!finished) host.send({ t: 'reply', id, bytes: reply });
    } catch (error) {
      if (!finished) host.send({ t: 'reply', id, error: error instanceof Error ? error.message : String(error) });
    }
  };

  return {
    seq,
    result,
    get started() {
      return finished ? started : hasStarted();
    },
    onMessage: (message) => {
      if (finished) return;
      switch (message.t) {
        case 'started':
          started = true;
          break;
        case 'returned':
          started = true;
          // After a deadline or a cancel a value comes too late, even within the grace.
          finish(verdict ?? { kind: 'returned', frame: message.frame }, endOf(message), message.marks);
          break;
        case 'threw': {
          started = true;
          const { t: _, seq: __, marks, unfinished: ___, ...thrown } = message;
          finish(verdict ?? { kind: 'threw', ...thrown }, endOf(message), marks);
          break;
        }
        case 'up':
          listener.onReady?.(message.json);
          break;
        case 'progress':
          listener.onProgress?.(message.json);
          break;
        case 'log':
          sink.add(message.text);
          break;
        case 'nested':
          void answer(message.id, message.bytes);
          break;
        case 'fault':
          fault = message.text.split('\n', 1)[0];
          sink.write('stderr', Buffer.from(`${message.text}\n`));
          rearm(host.kill, EXIT_PATIENCE_MS);
      }
    },
    onEnd: (classify) => {
      const begun = hasStarted();
      const ended = begun ? classify() : undefined;
      finish(verdict ?? (ended?.kind === 'crashed' && fault !== undefined ? { ...ended, fault } : ended), 'lost');
    },
    stop,
    cancel: (reason) => wind({ kind: 'cancelled', reason }, 'cancelled', reason),
    abandon: () => {
      if (finished) return;
      verdict = { kind: 'abandoned', started: hasStarted() };
      host.kill();
    },
  };
};

const endOf = ({ unfinished }: { readonly unfinished: boolean }): RunEnd => (unfinished ? 'unfinished' : 'free');
