/** When the next call of a rate may begin, in memory: as the scripts count it, to the millisecond. */
import type { Rate } from '../../limits.ts';

/**
 * @param starts when calls have begun, oldest first; what no window reaches any more is taken out
 * @returns epoch ms, `now` when one may begin at once
 */
export const beginAt = (starts: number[], { calls, perMs, smooth }: Rate, now: number): number => {
  // The clock may have stepped back.
  for (const [at, start] of starts.entries()) if (start > now) starts[at] = now;
  const reach = smooth ? Math.ceil(perMs / calls) : perMs;
  while ((starts[0] ?? now) < now - reach) starts.shift();
  const first = starts.at(smooth ? -1 : -calls);
  return first === undefined ? now : first + reach + 1;
};
