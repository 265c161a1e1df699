/** Pause before another try: doubling from the first, with half of it random so that many do not come together. */
import type { Timing } from '../timing.ts';

export const backoffMs = (tries: number, { retryMs, retryMaxMs }: Timing): number => {
  const full = Math.min(retryMaxMs, retryMs * 2 ** Math.min(Math.max(0, tries - 1), 20));
  return full / 2 + (full / 2) * Math.random();
};
