/** Outcomes as they come out of Redis, opened. What does not open becomes an outcome too, so that the call settles with why. */

import { errorOutcome } from '@flamejs/protocol/attempt/outcome-of';
import { DEFAULT_LIMIT } from '@flamejs/protocol/codec';
import { FlameDataLossError, FlameError, FlameSealError } from '@flamejs/protocol/errors';
import { DAMAGED_HEAD, type Outcome } from '@flamejs/protocol/outcome';
import { after, type MaybePromise, type Vault } from '@flamejs/protocol/payload/vault';

/** @param limit bytes of a value in this pool; errors are smaller than any limit that makes sense. Never throws or rejects. */
export const openOutcome = (
  vault: Vault,
  callId: string,
  outcome: Outcome,
  limit = DEFAULT_LIMIT,
): MaybePromise<Outcome> => {
  const failed = (error: unknown): Outcome => failedOutcome(callId, outcome, error);
  if (outcome.head === DAMAGED_HEAD)
    return failed(new FlameDataLossError(`call ${callId}: ${DAMAGED_HEAD.message}`, { callId }));
  try {
    const kind = outcome.head.ok ? 'result' : 'error';
    const opened = vault.open(outcome.body, { callId, kind, limit });
    const made = after(opened, (body): Outcome => (body === outcome.body ? outcome : { ...outcome, body }));
    return made instanceof Promise ? made.catch(failed) : made;
  } catch (error) {
    return failed(error);
  }
};

const failedOutcome = (callId: string, { generation, head }: Outcome, cause: unknown): Outcome => {
  const error =
    cause instanceof FlameError
      ? cause
      : new FlameSealError(`call ${callId}: its outcome could not be opened`, { callId, reason: 'failed', cause });
  return { generation, ...errorOutcome(head, error) };
};
