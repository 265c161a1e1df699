/** How many primes are there below a million? In 20 pieces, a few at a time, in the order of the range. */
import { createAutoscaler } from 'flamejs/autoscaler';
import config from '../flame.config.ts';
import { flame } from './flame.ts';
import { countPrimes } from './tasks.ts';

const below = 1_000_000;
const piece = 50_000;
const ranges = Array.from({ length: below / piece }, (_, n) => [n * piece, (n + 1) * piece] as const);

const autoscaler = createAutoscaler(config);
await autoscaler.start();
try {
  let total = 0;
  let done = 0;
  for await (const count of flame.map(countPrimes, ranges, { concurrency: 4 })) {
    total += count;
    done += 1;
    console.log(`${String(done).padStart(2)}/${ranges.length}  ${total} primes so far`);
  }
  console.log(`${total} primes below ${below}`);
} finally {
  await flame.close();
  await autoscaler.stop();
}
