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

export const createTicket = (execution: Execution, listener: ExecutionListener): Ticket => {
  let settled = false;
  let resolveResult: (result: ExecutionResult) => void;
  const result = new Promise<ExecutionResult>((resolve) => {
    resolveResult = resolve;
  });
  const ticket: Ticket = {
    execution,
    listener,
    misses: 0,
    run: undefined,
    get settled() {
      return settled;
    },
    settle: (outcome) => {
      settled = true;
      resolveResult(outcome);
    },
    handle: {
      result,
      get started() {
        return ticket.run?.started ?? false;
      },
      cancel: (reason) => {
        if (settled) return;
        if (ticket.run === undefined) ticket.settle({ kind: 'cancelled', reason });
        else ticket.run.cancel(reason);
      },
      abandon: () => {
        if (settled) return;
        if (ticket.run === undefined) ticket.settle({ kind: 'abandoned', started: false });
        else ticket.run.abandon();
      },
    },
  };
  return ticket;
};
