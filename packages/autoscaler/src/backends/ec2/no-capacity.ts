import type { FlameLaunchError } from '@flamejs/queue';
import { isQuota, launchError } from './errors.ts';
import type { Refusal } from './launch.ts';
import { type Offering, offeringName } from './offerings.ts';
import type { Unavailable } from './unavailable.ts';

/** @returns the error of a launch that found no offering: `quota` when quotas are all that is in the way. */
export const noCapacity = (
  runnerId: string,
  refusals: readonly Refusal[],
  offerings: readonly Offering[],
  unavailable: Unavailable,
): FlameLaunchError => {
  const out = offerings.flatMap((offering) => {
    const code = unavailable.reason(offering);
    return code === undefined ? [] : [{ offering, code }];
  });
  const left = offerings.length - out.length;
  const tried = refusals.map(({ offering, verdict }) => `${offeringName(offering)} ${verdict.code}`);
  const held = out.map(({ offering, code }) => `${offeringName(offering)} ${code}`);
  return launchError(`launch ${runnerId}`, {
    kind: left === 0 && out.every(({ code }) => isQuota(code)) ? 'quota' : 'capacity',
    code: refusals.at(-1)?.verdict.code ?? out[0]?.code ?? null,
    message:
      left > 0
        ? `refused: ${some(tried)}; ${left} of ${offerings.length} offerings were not tried`
        : `none of the ${offerings.length} offerings can be had now: ${some(held)}`,
    scope: 'offering',
  });
};

const some = (texts: readonly string[]): string =>
  texts.length <= 8 ? texts.join(', ') : `${texts.slice(0, 8).join(', ')} and ${texts.length - 8} more`;
