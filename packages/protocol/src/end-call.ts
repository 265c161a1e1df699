/** Ends calls that have not begun, and asks those that run to stop, wherever they are kept. */
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
