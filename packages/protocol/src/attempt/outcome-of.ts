/** Outcomes as they are stored. Whoever ends a call, wherever, makes its outcome here. */

import { encode, packPayload } from '../codec/index.ts';
import type { FlameError } from '../errors/index.ts';
import type { CallInspection } from '../inspection.ts';
import type { OutcomeHead } from '../verdict.ts';

export interface EncodedOutcome {
  readonly head: OutcomeHead;
  readonly body: Uint8Array;
}

/** What is known of the attempts of a call that ends. */
export type Ran = Pick<OutcomeHead, 'attempts' | 'runnerLosses' | 'runnerId' | 'startedAt'>;

export const NEVER_RAN: Ran = { attempts: 0, runnerLosses: 0, runnerId: '', startedAt: 0 };

/** @returns what a look at a call says of its attempts */
export const ranOf = ({ attempts, runnerLosses, runnerId = '', startedAt }: CallInspection): Ran => ({
  attempts,
  runnerLosses,
  runnerId,
  startedAt,
});

/** Enough for a table row; the error itself is in the body. */
const MESSAGE_LENGTH = 300;

/** @param frame the packed value */
export const valueOutcome = (ran: Ran, frame: Uint8Array): EncodedOutcome =>
  outcome(ran, frame, { ok: true, kind: 'value', message: '' });

/** @param frame the function's own error, encoded where it was thrown */
export const thrownOutcome = (ran: Ran, frame: Uint8Array, errorName: string, message: string): EncodedOutcome =>
  outcome(ran, frame, { ok: false, kind: errorName, message });

/** Of a call that ends by a rule of ours. */
export const errorOutcome = (ran: Ran, error: FlameError): EncodedOutcome => {
  // Where in our code we made it says nothing to anybody.
  error.stack = `${error.name}: ${error.message}`;
  return outcome(ran, packPayload(encode(error)), { ok: false, kind: error.name, message: error.message });
};

const outcome = (
  { attempts, runnerLosses, runnerId, startedAt }: Ran,
  body: Uint8Array,
  { ok, kind, message }: Pick<OutcomeHead, 'ok' | 'kind' | 'message'>,
): EncodedOutcome => ({
  body,
  head: {
    ok,
    kind,
    message: message.slice(0, MESSAGE_LENGTH),
    attempts,
    runnerLosses,
    runnerId,
    startedAt,
    size: body.length,
  },
});
