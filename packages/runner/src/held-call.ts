/** A call that this runner holds: picked up, not yet moved on. Everyone who may want to stop it finds it here. */
import { isAbrupt, type StopCause } from '@flamejs/protocol/attempt/stop-cause';
import type { RunningExecution } from './executor/index.ts';

export interface HeldCallFacts {
  readonly callId: string;
  readonly ats: number;
  readonly generation: number;
  readonly failOnLoss: boolean;
  /** Its attempt ends by itself, by its `timeout`. */
  readonly bounded: boolean;
  /** A drain hands it back at once: it goes on elsewhere where it stopped. */
  readonly resumable: boolean;
  /** Monotonic ms of the last moment since when it is known to be this runner's. */
  readonly confirmedAt: number;
}

export interface HeldCall extends HeldCallFacts {
  confirm(at: number): void;
  readonly cause: StopCause | undefined;
  /** @returns when somebody stops it */
  whenStopped(): Promise<void>;
  stop(cause: StopCause): void;
  /** It is on an executor now; a stop that came before counts. */
  attach(run: RunningExecution): void;
}

export const createHeldCall = (facts: HeldCallFacts): HeldCall => new Held(facts);

/** A class, as everything that is made for each call: functions and accessors of its own cost more than what they do. */
class Held implements HeldCall {
  readonly callId: string;
  readonly ats: number;
  readonly generation: number;
  readonly failOnLoss: boolean;
  readonly bounded: boolean;
  readonly resumable: boolean;
  confirmedAt: number;
  cause: StopCause | undefined;
  #running: RunningExecution | undefined;
  #onStopped: (() => void) | undefined;

  constructor({ callId, ats, generation, failOnLoss, bounded, resumable, confirmedAt }: HeldCallFacts) {
    this.callId = callId;
    this.ats = ats;
    this.generation = generation;
    this.failOnLoss = failOnLoss;
    this.bounded = bounded;
    this.resumable = resumable;
    this.confirmedAt = confirmedAt;
    this.cause = undefined;
  }

  confirm(at: number): void {
    this.confirmedAt = Math.max(this.confirmedAt, at);
  }

  whenStopped(): Promise<void> {
    if (this.cause !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onStopped = resolve;
    });
  }

  stop(next: StopCause): void {
    // The first reason stands, but a kill overtakes a request to end.
    if (this.cause !== undefined && (isAbrupt(this.cause) || !isAbrupt(next))) return;
    this.cause = next;
    if (this.#running !== undefined) apply(this.#running, next);
    this.#onStopped?.();
  }

  attach(run: RunningExecution): void {
    this.#running = run;
    if (this.cause !== undefined) apply(run, this.cause);
  }
}

const apply = (run: RunningExecution, cause: StopCause): void => {
  if (isAbrupt(cause)) run.abandon();
  else run.cancel(reasonOf(cause));
};

const reasonOf = (cause: StopCause): string =>
  cause.kind === 'cancel' ? cause.reason : cause.kind === 'stream' ? cause.error.message : cause.kind;

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
