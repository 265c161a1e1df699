/** What was decided about a call, as the verdict that carries it out. */
import type { FlameError } from '../errors/index.ts';
import type { Vault } from '../payload/vault.ts';
import type { Verdict } from '../store/call-store.ts';
import type { Plan } from './after-run.ts';
import type { CallFacts } from './call-facts.ts';
import { type EncodedOutcome, errorOutcome, type Ran, thrownOutcome, valueOutcome } from './outcome-of.ts';
import { HIDDEN, sealOutcome } from './seal-outcome.ts';

/** Which attempt a verdict is about. */
export type Fence = Pick<Verdict, 'callId' | 'attempt' | 'generation'>;

/** A plan with the end of a stream, perhaps. */
type Tailed = { readonly tail?: Uint8Array };
type Ended = Pick<CallFacts, 'attempt' | 'pickUp'>;

const MESSAGE_LENGTH = 300;
/** A runner of its release takes a waiting call at once; so often any other may look whether it can, too. */
const PARKED_LOOK_MS = 600_000;

export interface VerdictMaker {
  /** @returns `undefined` for a call that is somebody else's by now */
  of(fence: Fence, call: Ended, plan: Plan): Verdict | undefined | Promise<Verdict>;
}

export const createVerdictMaker = (runnerId: string, vault: Vault): VerdictMaker => {
  const ran = ({ attempt, pickUp }: Ended): Ran => ({
    attempts: attempt,
    runnerLosses: pickUp.runnerLosses,
    runnerId,
    startedAt: pickUp.at,
  });

  const settle = (
    fence: Fence,
    call: Ended,
    { tail }: Tailed,
    plain: EncodedOutcome,
    quotes = false,
  ): Verdict | Promise<Verdict> => {
    if (!vault.seals) return settled(fence, plain, tail);
    const explain = (error: FlameError): EncodedOutcome => errorOutcome(ran(call), error);
    return sealOutcome(vault, fence.callId, plain, quotes, explain).then((outcome) => settled(fence, outcome, tail));
  };

  return {
    of(fence, call, plan) {
      switch (plan.kind) {
        case 'value':
          return settle(fence, call, plan, valueOutcome(ran(call), plan.frame));
        case 'thrown':
          return settle(fence, call, plan, thrownOutcome(ran(call), plan.frame, plan.errorName, plan.message), true);
        case 'error':
          return settle(fence, call, plan, errorOutcome(ran(call), plan.error));
        case 'retry': {
          const reason = vault.hides ? HIDDEN : plan.message.slice(0, MESSAGE_LENGTH);
          return { ...fence, kind: 'retry', reason, ended: reason, ...after(plan.delayMs) };
        }
        case 'again': {
          const count = plan.count === undefined ? {} : { count: plan.count };
          const known = plan.begun ? { ended: plan.why.slice(0, MESSAGE_LENGTH) } : { unbegun: true as const };
          return { ...fence, kind: 'again', reason: plan.why, ...after(plan.delayMs), ...count, ...known };
        }
        case 'park':
          return { ...fence, kind: 'park', reason: '', park: plan.park, delayMs: PARKED_LOOK_MS };
        case 'drop':
          return undefined;
      }
    },
  };
};

const settled = (fence: Fence, outcome: EncodedOutcome, tail: Uint8Array | undefined): Verdict => {
  const { ok, kind, message } = outcome.head;
  const verdict: Verdict = { ...fence, kind: 'settle', outcome, reason: ok ? '' : `${kind}: ${message}` };
  return tail === undefined ? verdict : { ...verdict, tail };
};

const after = (delayMs: number): { readonly delayMs?: number } => (delayMs > 0 ? { delayMs } : {});
