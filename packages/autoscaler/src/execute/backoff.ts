/** Pause before another try: doubling from the first, with half of it from `random` (0 to 1) so that many do not come together. */
import type { Timing } from '../timing.ts';

export const backoffMs = (tries: number, { retryMs, retryMaxMs }: Timing, random: number): number => {
  const full = Math.min(retryMaxMs, retryMs * 2 ** Math.min(Math.max(0, tries - 1), 20));
  return full / 2 + (full / 2) * random;
};
