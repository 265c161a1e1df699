/** One execution on one executor: from the message that starts it to its result. The deadline and its kill live here. */
import type { LazyTimer } from '../lazy-timer.ts';
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
  /** One for all runs of an executor, of which there is one at a time. */
  readonly timer: LazyTimer;
  /** @param result `undefined` when the executor was lost before it had begun: then it can run elsewhere */
  onResult(result: ExecutionResult | undefined): void;
  onFinished(end: RunEnd): void;
}

/** How a run left its executor: free for the next call, soon free unless something stays, or dead or dying. */
export type RunEnd = 'free' | 'unfinished' | 'lost';

export interface Run {
  readonly seq: number;
  readonly started: boolean;
  onMessage(message: FromExecutor): void;
  /** The executor is dead. @param classify what that means when nobody had asked for it. */
  onEnd(classify: () => ExecutionResult): void;
  /** It is being killed for this reason. The first reason stands. */
  stop(verdict: ExecutionResult): void;
  cancel(reason: string): void;
  abandon(): void;
}

/** Between two looks at the time; its clock may stand still. */
const CLOSEST_LOOK_MS = 20;
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
): Run => new RunOnExecutor(seq, execution, listener, sink, host);

/** A class, as everything that is made for each call: functions and accessors of its own cost more than what they do. */
class RunOnExecutor implements Run {
  readonly seq: number;
  readonly #execution: Execution;
  readonly #listener: ExecutionListener;
  readonly #sink: LineSink;
  readonly #host: RunHost;
  readonly #sentAt = performance.now();
  #started = false;
  #finished = false;
  /** What the result will be although the executor has not ended yet. */
  #verdict: ExecutionResult | undefined;
  /** What nothing caught, as the executor said before it ended. */
  #fault: string | undefined;

  constructor(seq: number, execution: Execution, listener: ExecutionListener, sink: LineSink, host: RunHost) {
    this.seq = seq;
    this.#execution = execution;
    this.#listener = listener;
    this.#sink = sink;
    this.#host = host;
    host.timer.set(this.#checkTime, Math.min(execution.timeoutMs, host.startTimeoutMs));
    listener.stream?.attach({
      credit: (items, bytes) => this.#send({ t: 'credit', seq, items, bytes }),
      ping: (n) => this.#send({ t: 'ping', seq, n }),
    });
  }

  get started(): boolean {
    return this.#finished ? this.#started : this.#hasStarted();
  }

  onMessage(message: FromExecutor): void {
    if (this.#finished) return;
    switch (message.t) {
      case 'started':
        this.#started = true;
        break;
      case 'returned':
        this.#started = true;
        // After a deadline or a cancel a value comes too late, even within the grace.
        this.#finish(this.#verdict ?? { kind: 'returned', frame: message.frame }, endOf(message), message.marks);
        break;
      case 'threw': {
        this.#started = true;
        const { t: _, seq: __, marks, unfinished: ___, ...thrown } = message;
        this.#finish(this.#verdict ?? { kind: 'threw', ...thrown }, endOf(message), marks);
        break;
      }
      case 'up':
        this.#listener.onReady?.(message.json);
        break;
      case 'progress':
        this.#listener.onProgress?.(message.json);
        break;
      case 'items':
        this.#listener.stream?.onItems(message);
        break;
      case 'pong':
        this.#listener.stream?.onPong(message.n);
        break;
      case 'log':
        this.#sink.add(message.text);
        break;
      case 'nested':
        void this.#answer(message.id, message.bytes);
        break;
      case 'fault':
        this.#fault = message.text.split('\n', 1)[0];
        this.#sink.write('stderr', Buffer.from(`${message.text}\n`));
        this.#host.timer.set(this.#host.kill, EXIT_PATIENCE_MS);
    }
  }

  onEnd(classify: () => ExecutionResult): void {
    const fault = this.#fault;
    const ended = this.#hasStarted() ? classify() : undefined;
    this.#finish(
      this.#verdict ?? (ended?.kind === 'crashed' && fault !== undefined ? { ...ended, fault } : ended),
      'lost',
    );
  }

  stop(reason: ExecutionResult): void {
    if (this.#finished) return;
    this.#verdict ??= reason;
    this.#host.kill();
  }

  cancel(reason: string): void {
    this.#wind({ kind: 'cancelled', reason }, 'cancelled', reason);
  }

  abandon(): void {
    if (this.#finished) return;
    this.#verdict = { kind: 'abandoned', started: this.#hasStarted() };
    this.#host.kill();
  }

  #finish(outcome: ExecutionResult | undefined, end: RunEnd, marks?: OutputMarks): void {
    if (this.#finished) return;
    this.#finished = true;
    const host = this.#host;
    host.timer.clear();
    const lag = host.closeOutput(marks);
    host.onFinished(end);
    // The lines of a call come before its result.
    if (lag === undefined) host.onResult(outcome);
    else void lag.then(() => host.onResult(outcome));
  }

  #send(message: ToExecutor): void {
    if (!this.#finished) this.#host.send(message);
  }

  #hasStarted(): boolean {
    this.#started ||= this.#host.startedAgo(this.seq) !== undefined;
    return this.#started;
  }

  /** Asks the function to end, and sees to it. */
  #wind(reason: ExecutionResult, cause: 'timeout' | 'cancelled', text: string): void {
    if (this.#finished || this.#verdict !== undefined) return;
    this.#verdict = reason;
    this.#host.send({ t: 'abort', seq: this.seq, cause, reason: text });
    this.#listener.onStop?.();
    this.#host.timer.set(this.#host.kill, this.#execution.killGraceMs);
  }

  /** Time is counted from the start, which is known only by looking. */
  readonly #checkTime = (): void => {
    const { timeoutMs } = this.#execution;
    const { startedAgo, timer, startTimeoutMs } = this.#host;
    const sinceSent = performance.now() - this.#sentAt;
    const agoMs = startedAgo(this.seq) ?? (this.#started ? sinceSent : undefined);
    if (agoMs !== undefined) {
      this.#started = true;
      const leftMs = timeoutMs - agoMs + (this.#listener.stream?.standstillMs ?? 0);
      if (leftMs <= 0) this.#wind({ kind: 'timeout', timeoutMs }, 'timeout', '');
      else if (timeoutMs !== Number.POSITIVE_INFINITY) timer.set(this.#checkTime, Math.max(leftMs, CLOSEST_LOOK_MS));
    } else if (sinceSent < startTimeoutMs) {
      timer.set(this.#checkTime, START_CHECK_MS);
    } else {
      const message = 'what an earlier call has left running keeps the executor busy';
      this.stop({ kind: 'late-fault', message, started: false });
    }
  };

  async #answer(id: number, bytes: Uint8Array): Promise<void> {
    const { send } = this.#host;
    try {
      if (this.#listener.onNestedCall === undefined)
        throw new Error('This runner does not pass on calls of functions.');
      const reply = await this.#listener.onNestedCall(bytes);
      if (!this.#finished) send({ t: 'reply', id, bytes: reply });
    } catch (error) {
      if (!this.#finished) send({ t: 'reply', id, error: error instanceof Error ? error.message : String(error) });
    }
  }
}

const endOf = ({ unfinished }: { readonly unfinished: boolean }): RunEnd => (unfinished ? 'unfinished' : 'free');
