import { flame } from './flame.ts';

/** Nothing but arithmetic: in the process that serves requests it would hold up everybody. */
export const countPrimes = flame.fn('countPrimes', { timeout: '1m' }, (from: number, to: number): number => {
  let count = 0;
  for (let n = Math.max(from, 2); n < to; n += 1) if (isPrime(n)) count += 1;
  return count;
});

const isPrime = (n: number): boolean => {
  for (let divisor = 2; divisor * divisor <= n; divisor += 1) if (n % divisor === 0) return false;
  return true;
};
