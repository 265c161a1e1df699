/** A call that this runner holds: picked up, not yet moved on. Everyone who may want to stop it finds it here. */
import { isAbrupt, type StopCause } from '@flamejs/protocol/attempt/stop-cause';
import type { RunningExecution } from './executor/index.ts';

export interface HeldCall {
  readonly callId: string;
  readonly ats: number;
  readonly generation: number;
  readonly failOnLoss: boolean;
  /** Its attempt ends by itself, by its `timeout`. */
  readonly bounded: boolean;
  /** Monotonic ms of the last moment since when its lock is known to have been set. */
  readonly confirmedAt: number;
  confirm(at: number): void;
  readonly cause: StopCause | undefined;
  /** Resolves when somebody stops it. */
  readonly stopped: Promise<void>;
  stop(cause: StopCause): void;
  /** It is on an executor now; a stop that came before counts. */
  attach(run: RunningExecution): void;
}

export interface HeldCallFacts {
  readonly callId: string;
  readonly ats: number;
  readonly generation: number;
  readonly failOnLoss: boolean;
  readonly bounded: boolean;
  readonly confirmedAt: number;
}

export const createHeldCall = (facts: HeldCallFacts): HeldCall => {
  let { confirmedAt } = facts;
  let cause: StopCause | undefined;
  let running: RunningExecution | undefined;
  let resolveStopped: () => void;
  const stopped = new Promise<void>((resolve) => {
    resolveStopped = resolve;
  });

  const apply = (run: RunningExecution, now: StopCause): void => {
    if (isAbrupt(now)) run.abandon();
    else run.cancel(now.kind === 'cancel' ? now.reason : now.kind);
  };

  return {
    ...facts,
    stopped,
    get confirmedAt() {
      return confirmedAt;
    },
    confirm(at) {
      confirmedAt = Math.max(confirmedAt, at);
    },
    get cause() {
      return cause;
    },
    stop(next) {
      // The first reason stands, but a kill overtakes a request to end.
      if (cause !== undefined && (isAbrupt(cause) || !isAbrupt(next))) return;
      cause = next;
      if (running !== undefined) apply(running, next);
      resolveStopped();
    },
    attach(run) {
      running = run;
      if (cause !== undefined) apply(run, cause);
    },
  };
};

/** The calls that a runner holds, by id. */
export interface HeldCalls {
  readonly size: number;
  add(call: HeldCall): void;
  remove(call: HeldCall): void;
  get(callId: string): HeldCall | undefined;
  all(): readonly HeldCall[];
  /** Called whenever a call was added or removed. */
  onChange(listener: () => void): void;
}

export const createHeldCalls = (): HeldCalls => {
  const calls = new Map<string, HeldCall>();
  const listeners: (() => void)[] = [];
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    get size() {
      return calls.size;
    },
    add(call) {
      calls.set(call.callId, call);
      changed();
    },
    remove(call) {
      // A later attempt of the same call may stand here already.
      if (calls.get(call.callId) !== call) return;
      calls.delete(call.callId);
      changed();
    },
    get: (callId) => calls.get(callId),
    all: () => [...calls.values()],
    onChange: (listener) => void listeners.push(listener),
  };
};
