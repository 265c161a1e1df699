/** Makes an outcome of an error that we raise ourselves about a call that is not running. */
import { encode, packPayload } from './codec/index.ts';
import type { FlameError } from './errors/index.ts';
import type { CallInspection } from './inspection.ts';
import type { OutcomeHead } from './verdict.ts';

const MESSAGE_LENGTH = 300;

export const encodeOutcome = (error: FlameError, call: CallInspection): { head: OutcomeHead; body: Uint8Array } => {
  const body = packPayload(encode(error));
  const head: OutcomeHead = {
    ok: false,
    kind: error.name,
    message: error.message.slice(0, MESSAGE_LENGTH),
    attempts: call.attempts,
    runnerLosses: call.runnerLosses,
    runnerId: call.runnerId ?? '',
    startedAt: call.startedAt,
    size: body.length,
  };
  return { head, body };
};
