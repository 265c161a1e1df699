/** Numbers that look random and are the same every time: a simulation that cannot be repeated proves nothing. */

/** Lehmer's generator (Park and Miller, "minimal standard"). @returns numbers between 0 and 1 */
export const seeded = (seed: number): (() => number) => {
  let state = Math.max(1, Math.trunc(seed) % 2_147_483_647);
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
};

/** A draw of the exponential distribution: the time until the next one of events that come independently of each other. */
export const exponential = (random: () => number, mean: number): number => -Math.log(1 - random()) * mean;

/** A draw of the lognormal distribution with this mean: most are short, a few are very long. @param spread sigma of its logarithm */
export const lognormal = (random: () => number, mean: number, spread: number): number => {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return mean * Math.exp(spread * normal - spread ** 2 / 2);
};
