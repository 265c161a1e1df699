/**
 * Launches one machine, at most one, whatever gets lost on the way.
 *
 * All offerings that one launch tries share the client token `<runnerId>-<attempt>`, and that is what makes this safe:
 * - EC2 launches at most one machine per token. Sent again with the same parameters it answers with the machine that
 *   there is; sent with others after it has launched, it refuses (IdempotentParameterMismatch) and launches nothing. With
 *   a token per offering, a controller that crashed after its request for offering 3 got lost would be replaced by one
 *   that knows nothing of it, starts at offering 1, finds capacity there by now, and has two machines.
 * - After an unknown outcome the very same request is sent again, nothing else, until the answer is definite.
 * - Only a definite refusal for want of capacity or quota leads to the next offering.
 *
 * Whether EC2 ties a token to a request that *failed* is not documented. If it does, the next offering is refused as a
 * mismatch right after a refusal that we saw, and from then on further offerings get tokens of their own,
 * `<runnerId>-<attempt>-<n>`. Then a replacement cannot rely on the token alone: before a launch that it does not know
 * from before, it looks for machines of any of the launch's tokens. What remains is a crash in mid-fallback, followed by
 * a replay that comes before EC2's index shows the machine (seconds; a lease takes longer to change hands), with capacity
 * back in between; the reaper ends the surplus machine.
 */
import type { Instance, LaunchRequest } from '@flamejs/queue';
import { type Answer, ask } from './ask.ts';
import type { Ec2Api } from './client.ts';
import { createDoubts } from './doubts.ts';
import type { Verdict } from './errors.ts';
import { findByToken } from './list.ts';
import { noCapacity } from './no-capacity.ts';
import { listOfferings, type Offering, offeringName } from './offerings.ts';
import type { Ec2Settings } from './options.ts';
import { createProbes } from './probes.ts';
import type { Recent } from './recent.ts';
import { clientToken, runRequest } from './run-request.ts';
import type { Unavailable } from './unavailable.ts';

export interface LauncherParts {
  readonly settings: Ec2Settings;
  readonly api: Ec2Api;
  readonly unavailable: Unavailable;
  readonly recent: Recent;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

type Launch = (request: LaunchRequest, signal: AbortSignal) => Promise<Instance>;

export interface Refusal {
  readonly offering: Offering;
  readonly verdict: Verdict;
}

/** A bound of requests, not of time: at EC2's 2 launches a second these take 10 s. */
const OFFERINGS_PER_LAUNCH = 20;

export const createLauncher = ({ settings, api, unavailable, recent, now }: LauncherParts): Launch => {
  const doubts = createDoubts();
  const offerings = listOfferings(settings);
  const probes = createProbes(now);
  let failedRequestsKeepTokens: 'yes' | 'no' | 'not seen yet' = 'not seen yet';

  return async (request, signal) => {
    const launch = clientToken(request);
    const refusals: Refusal[] = [];

    const accept = (instance: Instance): Instance => {
      doubts.settle(launch);
      if (instance.state !== 'gone') recent.add(request.app, instance);
      return instance;
    };

    /** @returns the machine, or `undefined` after a definite refusal. */
    const conclude = (offering: Offering, answer: Exclude<Answer, { taken: true }>): Instance | undefined => {
      if ('instance' in answer) {
        unavailable.clear(offering);
        return accept(answer.instance);
      }
      doubts.refuse(launch);
      unavailable.mark(offering, answer.refusal.scope, answer.refusal.code ?? 'refused');
      refusals.push({ offering, verdict: answer.refusal });
      return undefined;
    };

    const tryOffering = async (offering: Offering, again?: Question): Promise<Instance | undefined> => {
      const turn = doubts.refusals(launch);
      const input =
        again?.input ?? runRequest(request, offering, settings, failedRequestsKeepTokens === 'yes' ? turn : 0);
      const question = { runnerId: request.runnerId, launch, offering, input };
      const answer = await probes.run(
        offeringName(offering),
        () => ask(question, { api, doubts, now }, signal),
        (heard) => 'instance' in heard,
      );
      if ('taken' in answer) {
        // A token of this turn alone that is taken was used by another process at the same time.
        if (input.ClientToken !== launch) throw noCapacity(request.runnerId, refusals, offerings, unavailable);
        failedRequestsKeepTokens = 'yes';
        const renewed = runRequest(request, offering, settings, turn);
        return tryOffering(offering, { input: renewed });
      }
      if (turn > 0 && input.ClientToken === launch) failedRequestsKeepTokens = 'no';
      return conclude(offering, answer);
    };

    if (offerings.length > 1 && failedRequestsKeepTokens !== 'no' && !doubts.knows(launch) && !signal.aborted) {
      const [instance] = await findByToken([launch, `${launch}-*`], api, signal);
      if (instance !== undefined) return accept(instance);
    }
    const doubt = doubts.get(launch);
    if (doubt !== undefined) {
      const instance = await tryOffering(doubt.offering, doubt);
      if (instance !== undefined) return instance;
    }
    for (const offering of offerings) {
      if (refusals.length >= OFFERINGS_PER_LAUNCH) break;
      if (unavailable.reason(offering) !== undefined) continue;
      await probes.turn(offeringName(offering), signal);
      if (unavailable.reason(offering) !== undefined) continue;
      const instance = await tryOffering(offering);
      if (instance !== undefined) return instance;
    }
    throw noCapacity(request.runnerId, refusals, offerings, unavailable);
  };
};

type Question = { readonly input: ReturnType<typeof runRequest> };
