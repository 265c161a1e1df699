/** Ends a call whose waiting has lasted too long, with the same error whoever notices: its caller, or the autoscaler for it. */
import { errorOutcome, ranOf } from './attempt/outcome-of.ts';
import { endCall } from './end-call.ts';
import type { ExpiryDecision } from './expiry.ts';
import { expiryError } from './expiry-error.ts';
import type { PoolStatus } from './explain.ts';
import type { CallInspection } from './inspection.ts';
import type { SettledWaiting } from './outcome.ts';
import type { Vault } from './payload/vault.ts';
import type { CallStore } from './store/call-store.ts';

export interface EndOfWaiting {
  readonly callId: string;
  readonly pool: string;
  readonly call: CallInspection;
  readonly decision: Exclude<ExpiryDecision, { kind: 'keep' }>;
  /** What the autoscaler says of the pool: without it nobody could say why nothing started. */
  readonly status: PoolStatus | undefined;
}

/** @returns what became of it: a call that has begun in this moment goes on */
export const endWaiting = (
  store: CallStore,
  { callId, pool, call, decision, status }: EndOfWaiting,
  vault: Vault,
): Promise<SettledWaiting> => {
  const error = expiryError(callId, pool, call, decision, status);
  return endCall(store, callId, { ...errorOutcome(ranOf(call), error), generation: call.generation }, vault);
};
