import { flame } from './flame.ts';

/** Holds a processor for as long as it is told: in the server's own process nobody else would be answered meanwhile. */
export const crunch = flame.fn('crunch', { timeout: '1m' }, (ms: number): number => {
  const endsAt = performance.now() + ms;
  let rounds = 0;
  while (performance.now() < endsAt) rounds += 1;
  return rounds;
});
