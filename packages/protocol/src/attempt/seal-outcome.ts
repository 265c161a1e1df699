/** Outcomes on their way into Redis, where the app seals what it stores. */

import { FlameError, FlameSealError } from '../errors/index.ts';
import type { Vault } from '../payload/vault.ts';
import type { EncodedOutcome } from './outcome-of.ts';

/** Stands in the records beside a sealed error, for its message is part of what must not be read there. */
export const HIDDEN = '(sealed)';

/** Errors whose messages quote what user code has thrown or printed. */
const QUOTING = new Set(['FlameCrashError', 'FlameBootError']);

/**
 * @param quotes whether its message is user code's
 * @param explain makes the outcome of a call whose own cannot be sealed
 * @returns the outcome with its body sealed; one about the failure when it cannot be, so that the call still settles.
 */
export const sealOutcome = async (
  vault: Vault,
  callId: string,
  outcome: EncodedOutcome,
  quotes: boolean,
  explain: (error: FlameError) => EncodedOutcome,
): Promise<EncodedOutcome> => {
  if (!vault.seals) return outcome;
  try {
    return await sealed(vault, callId, outcome, quotes);
  } catch (error) {
    const why = explain(error instanceof FlameError ? error : failed(callId, error));
    // Not even this can be sealed, perhaps. It holds nothing of the call's own.
    return sealed(vault, callId, why, false).catch(() => why);
  }
};

const sealed = async (
  vault: Vault,
  callId: string,
  { head, body }: EncodedOutcome,
  quotes: boolean,
): Promise<EncodedOutcome> => {
  const kind = head.ok ? 'result' : 'error';
  const hidden = vault.hides && head.message !== '' && (quotes || QUOTING.has(head.kind));
  const message = hidden ? HIDDEN : head.message;
  return { head: { ...head, message }, body: await vault.seal(body, { callId, kind }) };
};

const failed = (callId: string, cause: unknown): FlameSealError =>
  new FlameSealError(`call ${callId}: its outcome could not be sealed`, { callId, reason: 'failed', cause });
