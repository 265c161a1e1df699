/**
 * Feeds mutated payloads to the decoder, as many as one likes; the push tests run some thousands.
 *
 *     npx tsx scripts/fuzz-codec.ts --count 10000000 --seed 7
 *
 * Prints runs, rejections, tags and memory; ends with code 1 and the payload when one breaks a rule.
 */
import { parseArgs } from 'node:util';
import { type FuzzReport, fuzz } from '../packages/queue/test/codec/fuzz.ts';

const { values } = parseArgs({ options: { count: { type: 'string', default: '1000000' }, seed: { type: 'string' } } });
const count = Number(values.count);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
  console.error('usage: fuzz-codec.ts [--count <positive integer>] [--seed <integer>]');
  process.exit(2);
}

const started = performance.now();
const show = ({ runs, accepted, rejected, slowestMs }: FuzzReport): void => {
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const mib = (process.memoryUsage().rss / 2 ** 20).toFixed(0);
  console.log(
    `${runs} runs in ${seconds} s: ${accepted} decoded, ${rejected} refused, slowest ${slowestMs.toFixed(1)} ms, rss ${mib} MiB`,
  );
};

console.log(`seed ${seed}`);
try {
  const report = fuzz({ count, seed, onProgress: show });
  show(report);
  const tags = [...report.tags].sort(([, a], [, b]) => b - a).slice(0, 60);
  console.log(`tags: ${tags.map(([tag, times]) => `${tag} ${times}`).join(', ')}`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
