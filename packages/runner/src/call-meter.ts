/** Counts what attempts come to, for the numbers that the leader keeps and Prometheus reads. */
import type { Tally } from '@flamejs/protocol';
import type { Plan } from '@flamejs/protocol/attempt/after-run';
import type { CallFacts } from '@flamejs/protocol/attempt/call-facts';
import * as flameErrors from '@flamejs/queue/errors';
import type { ExecutionResult } from './executor/index.ts';
import type { MachineTime } from './machine-time.ts';

/** One attempt, from its pick-up to its end. */
export interface MeteredAttempt {
  /** An executor is free for it. */
  begun(): void;
  /** Nothing of it runs any more. */
  stopped(): void;
  ended(result: ExecutionResult, plan: Plan): void;
}

/** What is counted of an attempt. */
export interface MeteredCall extends Pick<CallFacts, 'callId' | 'attempt' | 'attemptsMade'> {
  readonly pickUp: Pick<CallFacts['pickUp'], 'waitedMs'>;
  readonly envelope: Pick<CallFacts['envelope'], 'fn'>;
}

export interface CallMeter {
  pickedUp(call: MeteredCall): MeteredAttempt;
}

export interface CallMeterOptions {
  readonly tally: Tally;
  readonly time: MachineTime;
  /** Monotonic ms since when this runner takes calls. */
  readonly readySince: () => number;
  readonly now?: () => number;
}

export const createCallMeter = (options: CallMeterOptions): CallMeter => {
  const { tally, time, readySince, now = () => performance.now() } = options;
  return {
    pickedUp({ callId, attempt, attemptsMade, pickUp, envelope }) {
      const pickedUpAt = now();
      const name = envelope.fn;
      let begunAt: number | undefined;
      return {
        begun() {
          if (begunAt !== undefined) return;
          begunAt = now();
          time.begin(callId, name);
          const waitedMs = pickUp.waitedMs + begunAt - pickedUpAt;
          tally.count(name, attempt === 1 ? 'begun' : 'again');
          tally.observe(name, 'w', waitedMs);
          // It waited already when this machine was ready for the first time: so it waited for the machine.
          if (attemptsMade === 0 && waitedMs >= begunAt - readySince()) tally.observe(name, 'c', waitedMs);
        },
        stopped() {
          if (begunAt === undefined) return;
          time.end(callId);
          tally.observe(name, 'r', now() - begunAt);
        },
        ended(result, plan) {
          if (begunAt !== undefined) tally.count(name, `attempt:${result.kind}`);
          const outcome = outcomeOf(plan);
          if (outcome === undefined) return;
          tally.count(name, `ended:${outcome}`);
          tally.count(name, 'ended');
          if (outcome !== 'value') tally.count(name, 'failed');
        },
      };
    },
  };
};

/** How the call has ended; `undefined` when it goes on. */
const outcomeOf = (plan: Plan): string | undefined => {
  switch (plan.kind) {
    case 'value':
      return 'value';
    case 'thrown':
      return KNOWN_CLASSES.has(plan.errorName) ? plan.errorName : 'other';
    case 'error':
      return plan.error.name;
    default:
      return undefined;
  }
};

/** An application may throw a class of its own for every call: a label must not have more values than this. */
const KNOWN_CLASSES: ReadonlySet<string> = new Set([
  ...['Error', 'TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'URIError', 'EvalError', 'AggregateError'],
  ...['AbortError', 'TimeoutError', 'AssertionError', 'NonRetryableError'],
  ...Object.keys(flameErrors).filter((name) => name.startsWith('Flame')),
]);
