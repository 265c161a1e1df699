/** Asks a pool's policy, defends against what it may answer, and applies the pool's bounds. Pure but for the policy. */
import type { Policy, PolicyPool, PoolObservation } from '@flamejs/queue';
import type { Target } from './plan.ts';
import type { QueueCap } from './queue-cap.ts';
import { largestWish, noteWish, type WishWindow } from './window.ts';

export interface TargetInput {
  readonly policy: Policy;
  readonly pool: PolicyPool;
  readonly observation: PoolObservation;
  readonly memory: unknown;
  readonly window: WishWindow;
  readonly scaleDownWindowMs: number;
  readonly idleShutdownAfterMs: number;
  /** An operator's number, which replaces the policy's until it expires. */
  readonly override: number | null;
  /** So many slots there is work for, whatever waits; `null` for no bound. An operator's number is not bounded by it. */
  readonly cap?: QueueCap | null;
  /** Runners that offer slots or soon will. */
  readonly useful: number;
}

export interface Decided {
  readonly target: Target;
  /** The policy's own number, before min and max; `null` while it holds. */
  readonly desired: number | null;
  readonly reasons: readonly string[];
  readonly memory: unknown;
  readonly window: WishWindow;
}

export const decide = (input: TargetInput): Decided => {
  const { pool, observation } = input;
  const keepMs = Math.max(input.scaleDownWindowMs, input.idleShutdownAfterMs);
  // A hold keeps what is there, within the pool's bounds; nobody is let go for lack of an answer.
  const hold = (reason: string): Decided => {
    const wanted = Math.min(pool.max, Math.max(pool.min, input.useful));
    const window = noteWish(input.window, observation.now, wanted, keepMs);
    const floor = Number.POSITIVE_INFINITY;
    return {
      target: { wanted, floor, longFloor: floor, reason },
      desired: null,
      reasons: [reason],
      memory: input.memory,
      window,
    };
  };
  const asked = ask(input);
  if (asked === 'hold') return hold(`${input.policy.name} holds`);
  if (typeof asked === 'string') return hold(asked);
  const answer = input.override === null ? capped(asked, input.cap ?? null, pool.maxConcurrency) : asked;

  const wanted = Math.min(pool.max, Math.max(pool.min, answer.desired));
  const window = noteWish(input.window, observation.now, wanted, keepMs);
  const bounded = wanted === answer.desired ? '' : ` (bounded to ${wanted} by min ${pool.min}, max ${pool.max})`;
  return {
    target: {
      wanted,
      floor: largestWish(window, observation.now, input.scaleDownWindowMs),
      longFloor: largestWish(window, observation.now, keepMs),
      reason: `${answer.reasons.join('; ')}${bounded}`,
    },
    desired: answer.desired,
    reasons: answer.reasons,
    memory: answer.memory,
    window,
  };
};

const capped = (answer: Answer, cap: QueueCap | null, slots: number): Answer => {
  const most = cap === null ? Number.POSITIVE_INFINITY : Math.ceil(cap.slots / slots);
  if (cap === null || answer.desired <= most) return answer;
  return { ...answer, desired: most, reasons: [...answer.reasons, `${cap.reason}: ${most}`] };
};

interface Answer {
  readonly desired: number;
  readonly reasons: readonly string[];
  readonly memory: unknown;
}

/** @returns the policy's answer, `'hold'`, or why it could not be used. A user's policy may do anything. */
const ask = ({ policy, observation, pool, memory, override }: TargetInput): Answer | string => {
  if (override !== null) return { desired: override, reasons: [`set to ${override} by an operator`], memory };
  try {
    const decision = policy.desired(observation, pool, memory);
    if (decision === 'hold') return 'hold';
    if (!Number.isFinite(decision.desired) || decision.desired < 0) {
      return `${policy.name} wants ${String(decision.desired)} runners, which is no number from 0: hold`;
    }
    return { desired: Math.ceil(decision.desired), reasons: decision.reasons, memory: decision.memory };
  } catch (error) {
    return `${policy.name} failed (${error instanceof Error ? error.message : String(error)}): hold`;
  }
};
