/** Outcomes in the form in which the fenced settle stores them. */

import type { OutcomeHead } from '@flamejs/protocol';
import type { FlameError } from '@flamejs/queue/errors';
import { encode, packPayload } from '@flamejs/queue/internal';
import type { CallFacts } from './call-facts.ts';

export interface EncodedOutcome {
  readonly head: OutcomeHead;
  readonly body: Uint8Array;
}

/** Enough for a table row; the error itself is in the body. */
const MESSAGE_LENGTH = 300;

type Settled = Pick<CallFacts, 'attempt' | 'pickUp'>;

export const valueOutcome = (call: Settled, runnerId: string, frame: Uint8Array): EncodedOutcome =>
  outcome(call, runnerId, frame, { ok: true, kind: 'value', message: '' });

/** @param frame the function's own error, encoded where it was thrown */
export const thrownOutcome = (
  call: Settled,
  runnerId: string,
  frame: Uint8Array,
  errorName: string,
  message: string,
): EncodedOutcome => outcome(call, runnerId, frame, { ok: false, kind: errorName, message });

export const errorOutcome = (call: Settled, runnerId: string, error: FlameError): EncodedOutcome => {
  // Where in our code we made it says nothing to anybody.
  error.stack = `${error.name}: ${error.message}`;
  const frame = packPayload(encode(error));
  return outcome(call, runnerId, frame, { ok: false, kind: error.name, message: error.message });
};

const outcome = (
  { attempt, pickUp }: Settled,
  runnerId: string,
  body: Uint8Array,
  what: Pick<OutcomeHead, 'ok' | 'kind' | 'message'>,
): EncodedOutcome => ({
  body,
  head: {
    ...what,
    message: what.message.slice(0, MESSAGE_LENGTH),
    attempts: attempt,
    runnerLosses: pickUp.runnerLosses,
    runnerId,
    startedAt: pickUp.at,
    size: body.length,
  },
});
