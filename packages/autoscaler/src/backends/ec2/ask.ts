/** Asks EC2 for one machine of one offering, until the answer is definite or the caller has to come back. */
import type { RunInstancesCommandInput } from '@aws-sdk/client-ec2';
import type { Instance } from '@flamejs/queue';
import type { Ec2Api } from './client.ts';
import type { Doubts } from './doubts.ts';
import { judge, launchError, type Verdict } from './errors.ts';
import { findByToken } from './list.ts';
import { type Offering, offeringName } from './offerings.ts';
import { pause } from './pause.ts';
import { GRACE_MS } from './recent.ts';
import { toInstance } from './to-instance.ts';

export interface Question {
  readonly runnerId: string;
  /** `<runnerId>-<attempt>`. */
  readonly launch: string;
  readonly offering: Offering;
  readonly input: RunInstancesCommandInput;
}

export type Answer =
  | { readonly instance: Instance }
  /** A definite no, for want of capacity or quota. */
  | { readonly refusal: Verdict }
  /** A definite no: a request that was refused before holds on to the token. */
  | { readonly taken: true };

export interface AskParts {
  readonly api: Ec2Api;
  readonly doubts: Doubts;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Requests in one go when outcomes are unknown. */
const SENDS = 3;
/** And when EC2 throttles: its bucket gives two launches a second to the whole account. */
const SENDS_THROTTLED = 5;
const FIRST_PAUSE_MS = 400;
/** A lost request may wait inside EC2: a refusal of its replay counts only once it must have been served. */
const SETTLE_MS = 60_000;

/** @throws FlameLaunchError for every other outcome. */
export const ask = async (question: Question, parts: AskParts, signal: AbortSignal): Promise<Answer> => {
  const { launch, offering, input } = question;
  const { api, doubts, now } = parts;
  let failure: Failure = { verdict: aborted(doubts.get(launch) === undefined), error: undefined };
  let most = SENDS;
  for (let sends = 0; sends < most && !signal.aborted; sends++) {
    if (sends > 0) await pause(FIRST_PAUSE_MS * 2 ** (sends - 1), signal);
    if (signal.aborted) break;
    try {
      const { Instances = [] } = await api.runInstances(input, signal);
      const instance = Instances.flatMap((it) => toInstance(it) ?? [])[0];
      if (instance === undefined) throw new Error('the answer names no instance');
      return { instance };
    } catch (error) {
      const verdict = judge(error);
      failure = { verdict, error };
      if (verdict.code === 'IdempotentParameterMismatch') return mismatched(question, parts, signal);
      if (verdict.kind === 'unknown')
        doubts.set(launch, { mismatchAt: undefined, ...doubts.get(launch), input, offering, sentAt: now() });
      else if (verdict.kind === 'throttled') most = SENDS_THROTTLED;
      else break;
    }
  }
  return settle(question, failure, parts, signal);
};

interface Failure {
  readonly verdict: Verdict;
  readonly error: unknown;
}

/** The requests are done and none was accepted: is that definite? */
const settle = async (
  { runnerId, launch, offering, input }: Question,
  { verdict, error }: Failure,
  { api, doubts, now }: AskParts,
  signal: AbortSignal,
): Promise<Answer> => {
  const doing = `launch ${runnerId} as ${offeringName(offering)}`;
  const refused = verdict.kind === 'capacity' || verdict.kind === 'quota';
  const doubt = doubts.get(launch);
  if (doubt === undefined) {
    if (refused) return { refusal: verdict };
    throw launchError(doing, verdict, error);
  }
  // An earlier request of this token got lost. EC2 throttles before it looks at tokens, so that says nothing. A want of
  // capacity is found after the token was looked up; what is found before (permissions, parameters) has to wait for the
  // index to show what there is.
  const patience = refused ? SETTLE_MS : GRACE_MS;
  const silent = verdict.kind === 'throttled' || verdict.kind === 'unknown';
  if (silent || now() - doubt.sentAt < patience) {
    const message = `${verdict.message} (a request of this launch got lost: its outcome is in doubt)`;
    throw launchError(doing, { ...verdict, kind: 'unknown', message }, error);
  }
  const [instance] = await findByToken([input.ClientToken ?? launch], api, signal);
  if (instance !== undefined) return { instance };
  doubts.settle(launch);
  if (refused) return { refusal: verdict };
  throw launchError(doing, verdict, error);
};

/** The token was used with other parameters: by a controller before us that launched, or by a request that was refused. */
const mismatched = async (
  { runnerId, launch, offering, input }: Question,
  { api, doubts, now }: AskParts,
  signal: AbortSignal,
): Promise<Answer> => {
  const [instance] = await findByToken([input.ClientToken ?? launch], api, signal);
  if (instance !== undefined) return { instance };
  const verdict: Verdict = {
    kind: 'capacity',
    code: 'IdempotentParameterMismatch',
    message: 'the client token belongs to another request, which has launched nothing',
    scope: 'offering',
  };
  const doubt = doubts.get(launch);
  if (doubt === undefined && doubts.refusals(launch) > 0) return { taken: true };
  const mismatchAt = doubt?.mismatchAt ?? now();
  if (now() - mismatchAt < GRACE_MS) {
    doubts.set(launch, { input, offering, sentAt: now(), ...doubt, mismatchAt });
    const message = 'the client token may have launched an instance that EC2 does not show yet';
    throw launchError(`launch ${runnerId}`, { ...verdict, kind: 'unknown', message });
  }
  doubts.settle(launch);
  throw launchError(`launch ${runnerId}`, verdict);
};

const aborted = (nothingSent: boolean): Verdict => ({
  kind: nothingSent ? 'throttled' : 'unknown',
  code: 'AbortError',
  message: nothingSent ? 'aborted before anything was sent' : 'aborted',
  scope: 'offering',
});
