/** Carries out what was decided about a call, each by one fenced step of the protocol. */
import type { CallBackend, Vault } from '@flamejs/protocol';
import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq';
import type { Logger } from 'pino';
import type { Plan } from './after-run.ts';
import type { CallFacts } from './call-facts.ts';
import { type EncodedOutcome, errorOutcome, thrownOutcome, valueOutcome } from './outcome.ts';
import { HIDDEN, sealOutcome } from './seal-outcome.ts';

export interface Fence {
  /** BullMQ's count of pick-ups. */
  readonly attempt: number;
  readonly generation: number;
}

export interface CallMoves {
  /** Resolves or rejects as BullMQ's worker expects it of its processor. */
  carryOut(fence: Fence, call: Pick<CallFacts, 'attempt' | 'pickUp'>, plan: Plan): Promise<null>;
  /** Clears the place of a call that has its outcome already. */
  finish(fence: Fence): null;
  /** For a job that is no call: it fails in BullMQ's own way. */
  reject(message: string): never;
}

interface Context {
  readonly backend: CallBackend;
  readonly runnerId: string;
  readonly vault: Vault;
  readonly logger: Logger;
}

export const createCallMoves = (
  { backend, runnerId, vault, logger }: Context,
  callId: string,
  token: string,
): CallMoves => {
  const settle = async (
    fence: Fence,
    call: Pick<CallFacts, 'attempt' | 'pickUp'>,
    plain: EncodedOutcome,
    quotes = false,
  ): Promise<null> => {
    const outcome = await sealOutcome(vault, callId, plain, quotes, (error) => errorOutcome(call, runnerId, error));
    backend.decide(callId, { ...fence, outcome });
    if (outcome.head.ok) return null;
    throw failure(`${outcome.head.kind}: ${outcome.head.message}`);
  };

  /** A call that is no longer ours is no error: whoever has it carries on. */
  const move = async ({ attempt }: Fence, step: () => Promise<unknown>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      logger.debug({ err: error, callId }, 'a call could not be moved: it is no longer held by this runner');
    } finally {
      backend.letGo(callId, attempt);
    }
  };

  /** A newer attempt may be in this very process: what this one has come to must not pass for its outcome. */
  const drop = ({ attempt }: Fence): never => {
    backend.letGo(callId, attempt);
    throw new WaitingError();
  };

  return {
    async carryOut(fence, call, plan) {
      if (!backend.holds(callId, fence.attempt)) return drop(fence);
      switch (plan.kind) {
        case 'value':
          return settle(fence, call, valueOutcome(call, runnerId, plan.frame));
        case 'thrown':
          return settle(fence, call, thrownOutcome(call, runnerId, plan.frame, plan.errorName, plan.message), true);
        case 'error':
          return settle(fence, call, errorOutcome(call, runnerId, plan.error));
        case 'retry': {
          const fieldsToUpdate = { failedReason: vault.hides ? HIDDEN : plan.message.slice(0, MESSAGE_LENGTH) };
          backend.decide(callId, { ...fence, ended: fieldsToUpdate.failedReason });
          if (plan.delayMs > 0) {
            // The script takes Redis' time in the place of ours.
            await move(fence, () => backend.moveToDelayed(callId, Date.now(), plan.delayMs, token, { fieldsToUpdate }));
            throw new DelayedError();
          }
          await move(fence, () => backend.retryJob(callId, false, token, { fieldsToUpdate }));
          throw new WaitingError();
        }
        case 'again':
          logger.debug({ callId, why: plan.why }, 'call goes back to the queue');
          backend.decide(callId, {
            ...fence,
            ...(plan.count === undefined ? {} : { count: plan.count }),
            ...(plan.begun ? { ended: plan.why.slice(0, MESSAGE_LENGTH) } : { unbegun: true }),
          });
          if (plan.delayMs > 0) {
            await move(fence, () =>
              backend.moveToDelayed(callId, Date.now(), plan.delayMs, token, { skipAttempt: true }),
            );
            throw new DelayedError();
          }
          await move(fence, () => backend.moveJobFromActiveToWait(callId, token));
          throw new WaitingError();
        case 'park':
          logger.debug({ callId, ...plan.park }, 'call waits for a runner of its release');
          backend.decide(callId, { ...fence, park: plan.park });
          await move(fence, () =>
            backend.moveToDelayed(callId, Date.now(), PARKED_LOOK_MS, token, { skipAttempt: true }),
          );
          throw new DelayedError();
        case 'drop':
          return drop(fence);
      }
    },
    finish(fence) {
      if (!backend.holds(callId, fence.attempt)) return drop(fence);
      backend.decide(callId, fence);
      return null;
    },
    reject(message) {
      throw failure(message);
    },
  };
};

const MESSAGE_LENGTH = 300;
/** A runner of its release takes a waiting call at once; so often any other may look whether it can, too. */
const PARKED_LOOK_MS = 600_000;

const failure = (message: string): UnrecoverableError => {
  const error = new UnrecoverableError(message);
  // BullMQ stores it with the job; the function's own stack is in the outcome.
  error.stack = message;
  return error;
};
