/** Ends a call whose waiting has lasted too long, with the same error whoever notices: its caller, or the autoscaler for it. */

import { errorOutcome, ranOf } from './attempt/outcome-of.ts';
import type { RedisClient } from './connect.ts';
import type { ExpiryDecision } from './expiry.ts';
import { expiryError } from './expiry-error.ts';
import type { PoolStatus } from './explain.ts';
import type { CallInspection } from './inspection.ts';
import type { PoolKeys } from './keys.ts';
import { settleWaiting } from './outcome.ts';
import type { Vault } from './payload/vault.ts';

export interface EndOfWaiting {
  readonly callId: string;
  readonly pool: string;
  readonly call: CallInspection;
  readonly decision: Exclude<ExpiryDecision, { kind: 'keep' }>;
  /** What the autoscaler says of the pool: without it nobody could say why nothing started. */
  readonly status: PoolStatus | undefined;
}

/** @returns as `settleWaiting` does: a call that has begun in this moment goes on */
export const endWaiting = (
  client: RedisClient,
  keys: PoolKeys,
  { callId, pool, call, decision, status }: EndOfWaiting,
  vault: Vault,
): ReturnType<typeof settleWaiting> => {
  const error = expiryError(callId, pool, call, decision, status);
  const verdict = { ...errorOutcome(ranOf(call), error), generation: call.generation };
  return settleWaiting(client, keys, callId, verdict, vault);
};
