/** Ends calls that have not begun, and asks those that run to stop, wherever they are kept. */
import { errorOutcome, NEVER_RAN } from './attempt/outcome-of.ts';
import { FlameCancelledError } from './errors/index.ts';
import type { SettledWaiting, WaitingVerdict } from './outcome.ts';
import type { Vault } from './payload/vault.ts';
import type { CallStore } from './store/call-store.ts';

/** As `CallStore.end`, with an outcome that is yet to be sealed. @throws FlameSealError */
export const endCall = async (
  store: CallStore,
  callId: string,
  verdict: WaitingVerdict,
  vault: Vault,
): Promise<SettledWaiting> => {
  if (!vault.seals) return store.end(callId, verdict);
  const body = await vault.seal(verdict.body, { callId, kind: verdict.head.ok ? 'result' : 'error' });
  return store.end(callId, { ...verdict, body });
};

/** Ends a call that has not begun, and asks one that runs to stop. */
export const cancelCall = (store: CallStore, callId: string, reason: string, vault: Vault): Promise<SettledWaiting> => {
  const error = new FlameCancelledError(`call ${callId} was cancelled: ${reason}`, { callId, reason });
  return endCall(store, callId, { ...errorOutcome(NEVER_RAN, error), generation: 0, cancelReason: reason }, vault);
};
