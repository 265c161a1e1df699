/** One execution in a pool, from the moment it is asked for: it waits, runs, and may move to another executor. */
import type { Run } from './run.ts';
import type { Execution, ExecutionListener, ExecutionResult, RunningExecution } from './types.ts';

export interface Ticket {
  readonly execution: Execution;
  readonly listener: ExecutionListener;
  readonly handle: RunningExecution;
  /** Whether a result was given while it waited: then it must not start. */
  readonly settled: boolean;
  /** Executors that were lost before they had begun it. */
  misses: number;
  /** It is on an executor; `undefined` when it waits again. */
  run: Run | undefined;
  settle(result: ExecutionResult): void;
}

/** A class, as everything that is made for each call: functions and accessors of its own cost more than what they do. */
class CallTicket implements Ticket, RunningExecution {
  readonly execution: Execution;
  readonly listener: ExecutionListener;
  readonly result: Promise<ExecutionResult>;
  settled = false;
  misses = 0;
  run: Run | undefined = undefined;
  private resolve!: (result: ExecutionResult) => void;

  constructor(execution: Execution, listener: ExecutionListener) {
    this.execution = execution;
    this.listener = listener;
    this.result = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  get handle(): RunningExecution {
    return this;
  }

  get started(): boolean {
    return this.run?.started ?? false;
  }

  settle(outcome: ExecutionResult): void {
    this.settled = true;
    this.resolve(outcome);
  }

  cancel(reason: string): void {
    if (this.settled) return;
    if (this.run === undefined) this.settle({ kind: 'cancelled', reason });
    else this.run.cancel(reason);
  }

  abandon(): void {
    if (this.settled) return;
    if (this.run === undefined) this.settle({ kind: 'abandoned', started: false });
    else this.run.abandon();
  }
}

export const createTicket = (execution: Execution, listener: ExecutionListener): Ticket =>
  new CallTicket(execution, listener);
