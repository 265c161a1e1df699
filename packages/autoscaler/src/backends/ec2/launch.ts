/**
 * Launches one machine, at most one, whatever gets lost on the way.
 *
 * The client token is `<runnerId>-<attempt>` for all offerings that one attempt tries, and that is what makes this safe:
 * - EC2 itself launches at most one machine per token. Sent again with the same parameters it answers with the machine
 *   that there is; sent with others after it has launched, it refuses (IdempotentParameterMismatch) and launches nothing.
 *   A token per offering would not be safe: a controller that crashed after its request for offering 3 got lost would be
 *   replaced by one that knows nothing of it, starts at offering 1, finds capacity there by now, and has two machines.
 * - After an unknown outcome the very same parameters are sent again, nothing else, until the answer is definite.
 * - Only a definite refusal for want of capacity or quota leads to the next offering. Whether EC2 ties a token to the
 *   parameters of a request that *failed* is not documented. If it does, the next offering is refused as a mismatch; then
 *   this attempt ends with kind `capacity`, the caller raises `attempt`, and the new token starts at the next offering.
 *   Once that was seen, later launches leave every next offering to a next attempt.
 */
import { FlameLaunchError, type Instance, type LaunchRequest } from '@flamejs/queue';
import { ask } from './ask.ts';
import type { Ec2Api } from './client.ts';
import { createDoubts } from './doubts.ts';
import { isQuota, launchError, type Verdict } from './errors.ts';
import { listOfferings, type Offering, offeringName } from './offerings.ts';
import type { Ec2Settings } from './options.ts';
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

const OFFERINGS_PER_LAUNCH = 5;

export const createLauncher = ({ settings, api, unavailable, recent, now }: LauncherParts): Launch => {
  const doubts = createDoubts();
  const offerings = listOfferings(settings);
  let perLaunch = OFFERINGS_PER_LAUNCH;

  return async (request, signal) => {
    const token = clientToken(request);
    const refusals: Refusal[] = [];

    /** @returns the machine, or `undefined` after a definite refusal. */
    const tryOffering = async (
      offering: Offering,
      input = runRequest(request, offering, settings),
    ): Promise<Instance | undefined> => {
      const answer = await ask(
        { runnerId: request.runnerId, token, offering, input },
        { api, doubts, now },
        signal,
      ).catch((error: unknown) => {
        // Refused a moment ago, and now the token is taken: this EC2 ties tokens to failed requests.
        if (refusals.length > 0 && isTaken(error)) perLaunch = 1;
        throw error;
      });
      if ('instance' in answer) {
        doubts.settle(token);
        unavailable.clear(offering);
        if (answer.instance.state !== 'gone') recent.add(request.app, answer.instance);
        return answer.instance;
      }
      doubts.refuse(token);
      unavailable.mark(offering, answer.refusal.scope, answer.refusal.code ?? 'refused');
      refusals.push({ offering, verdict: answer.refusal });
      return undefined;
    };

    const doubt = doubts.get(token);
    if (doubt !== undefined) {
      const instance = await tryOffering(doubt.offering, doubt.input);
      if (instance !== undefined) return instance;
    }
    for (const offering of offerings) {
      if (refusals.length >= perLaunch) break;
      if (unavailable.reason(offering) !== undefined) continue;
      const instance = await tryOffering(offering);
      if (instance !== undefined) return instance;
    }
    throw noCapacity(request, refusals, offerings, unavailable);
  };
};

interface Refusal {
  readonly offering: Offering;
  readonly verdict: Verdict;
}

const isTaken = (error: unknown): boolean =>
  error instanceof FlameLaunchError &&
  error.kind === 'capacity' &&
  error.providerCode === 'IdempotentParameterMismatch';

const noCapacity = (
  { runnerId }: LaunchRequest,
  refusals: readonly Refusal[],
  offerings: readonly Offering[],
  unavailable: Unavailable,
): FlameLaunchError => {
  const out = offerings.flatMap((offering) => {
    const code = unavailable.reason(offering);
    return code === undefined ? [] : [{ offering, code }];
  });
  const left = offerings.length - out.length;
  const tried = refusals.map(({ offering, verdict }) => `${offeringName(offering)} ${verdict.code}`).join(', ');
  const held = out
    .slice(0, 8)
    .map(({ offering, code }) => `${offeringName(offering)} ${code}`)
    .join(', ');
  return launchError(`launch ${runnerId}`, {
    kind: left === 0 && out.every(({ code }) => isQuota(code)) ? 'quota' : 'capacity',
    code: refusals.at(-1)?.verdict.code ?? out[0]?.code ?? null,
    message:
      left > 0
        ? `refused: ${tried}; ${left} of ${offerings.length} offerings are left for the next attempt`
        : `none of the ${offerings.length} offerings can be had now: ${held}`,
    scope: 'offering',
  });
};
