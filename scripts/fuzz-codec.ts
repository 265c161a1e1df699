/**
 * npm run fuzz: feeds mutated payloads to the decoder, and mutated sealed bytes to what opens them, as many as one likes, on
 * all processors. The push tests run some thousands of each.
 *
 *     npm run fuzz -- --count 10000000 --seed 7
 *
 * Prints runs, refusals, tags and memory; ends with code 1 and the payload when one breaks a rule, when a thread crashes, when
 * a tag was not met, or when memory has grown past the bound.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { decoders } from '../packages/queue/src/codec/tags/table.ts';
import { type FuzzReport, fuzz } from '../packages/queue/test/codec/fuzz.ts';
import { fuzzSealed, type SealedReport } from '../packages/queue/test/payload/fuzz-sealed.ts';

interface Job {
  readonly plain: number;
  readonly sealed: number;
  readonly seed: number;
}

interface Done {
  readonly plain: FuzzReport;
  readonly sealed: SealedReport;
}

/** One in so many mutations is of sealed bytes, which take longer. */
const SEALED_SHARE = 20;
/** Of one thread's heap, and of the process: more would mean that something is kept. */
const HEAP_MB = 256;
const RSS_MB_PER_THREAD = 512;
const STEP = 50_000;

if (isMainThread) await lead();
else await work(workerData as Job);

async function lead(): Promise<void> {
  const threads = Math.max(1, availableParallelism());
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000000' },
      seed: { type: 'string' },
      threads: { type: 'string', default: String(threads) },
    },
  });
  const [count, seed, width] = [
    Number(values.count),
    Number(values.seed ?? Date.now() % 2 ** 31),
    Number(values.threads),
  ];
  if (![count, width].every((n) => Number.isInteger(n) && n >= 1) || !Number.isInteger(seed)) {
    console.error(
      'usage: npm run fuzz -- [--count <positive integer>] [--seed <integer>] [--threads <positive integer>]',
    );
    process.exit(2);
  }
  console.log(`${count.toLocaleString('en-US')} mutations, seed ${seed}, ${width} threads, Node ${process.version}`);
  const started = performance.now();
  let [runs, peakMb] = [0, 0];
  const measure = (): void => {
    peakMb = Math.max(peakMb, process.memoryUsage().rss / 2 ** 20);
  };
  const tell = setInterval(
    () => console.log(`${runs.toLocaleString('en-US')} so far, rss ${peakMb.toFixed(0)} MiB`),
    30_000,
  );
  const watch = setInterval(measure, 100);
  try {
    const each = Array.from({ length: width }, (_, i) => share(count, width, i));
    const all = await Promise.all(each.map((part, i) => start(part, seed + i, (more) => (runs += more))));
    measure();
    const seconds = (performance.now() - started) / 1000;
    process.exitCode = judgeRun(all, { count, seconds, peakMb, width });
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    clearInterval(tell);
    clearInterval(watch);
  }
}

function share(count: number, width: number, at: number): number {
  return Math.floor(count / width) + (at < count % width ? 1 : 0);
}

function start(count: number, seed: number, onRuns: (more: number) => void): Promise<Done> {
  const sealed = Math.floor(count / SEALED_SHARE);
  const job: Job = { plain: count - sealed, sealed, seed };
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: job,
      execArgv: process.execArgv,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    worker.on('message', (message: number | Done) =>
      typeof message === 'number' ? onRuns(message) : resolve(message),
    );
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`a thread ended with code ${code} before it was done`)));
  });
}

/** In steps of sealed and plain ones by turns, with a seed for each step, so that a failure is found again soon. */
async function work({ plain, sealed, seed }: Job): Promise<void> {
  const tags = new Map<string, number>();
  let [accepted, rejected, slowestMs, opened, refused, nth] = [0, 0, 0, 0, 0, 0];
  while (accepted + rejected < plain || opened + refused < sealed) {
    nth += 1;
    const stepSeed = (seed * 1_000_003 + nth) % 2 ** 31;
    const some = fuzz({ count: Math.min(STEP, plain - accepted - rejected), seed: stepSeed });
    for (const [tag, times] of some.tags) tags.set(tag, (tags.get(tag) ?? 0) + times);
    accepted += some.accepted;
    rejected += some.rejected;
    slowestMs = Math.max(slowestMs, some.slowestMs);
    const closed = await fuzzSealed({
      count: Math.min(Math.ceil(STEP / SEALED_SHARE), sealed - opened - refused),
      seed: stepSeed,
    });
    opened += closed.opened;
    refused += closed.refused;
    parentPort?.postMessage(some.runs + closed.runs);
  }
  const done: Done = {
    plain: { runs: accepted + rejected, accepted, rejected, tags, slowestMs },
    sealed: { runs: opened + refused, opened, refused },
  };
  parentPort?.postMessage(done);
}

function judgeRun(
  all: readonly Done[],
  { count, seconds, peakMb, width }: { count: number; seconds: number; peakMb: number; width: number },
): number {
  const sum = (of: (done: Done) => number): number => all.reduce((total, done) => total + of(done), 0);
  const n = (value: number): string => value.toLocaleString('en-US');
  const runs = sum(({ plain, sealed }) => plain.runs + sealed.runs);
  const slowest = Math.max(...all.map(({ plain }) => plain.slowestMs));
  console.log(`${n(runs)} mutations in ${seconds.toFixed(0)} s: no crash, nothing polluted, no untyped error`);
  console.log(
    `payloads: ${n(sum((d) => d.plain.accepted))} decoded, ${n(sum((d) => d.plain.rejected))} refused, slowest ${slowest.toFixed(1)} ms`,
  );
  console.log(
    `sealed: ${n(sum((d) => d.sealed.opened))} opened and decoded, ${n(sum((d) => d.sealed.refused))} refused`,
  );
  console.log(`memory: at most ${peakMb.toFixed(0)} MiB resident, ${HEAP_MB} MiB of heap a thread`);
  const tags = new Map<string, number>();
  for (const done of all) for (const [tag, times] of done.plain.tags) tags.set(tag, (tags.get(tag) ?? 0) + times);
  const known = ['ref', ...[...decoders.keys()].map(String)];
  console.log(`tags: ${known.map((tag) => `${tag} ${n(tags.get(tag) ?? 0)}`).join(', ')}`);
  const missed = known.filter((tag) => !tags.has(tag));
  const wrong = [
    ...(runs === count ? [] : [`${runs} of ${count} were run`]),
    ...(missed.length === 0 || count < 10_000 ? [] : [`tags never met: ${missed.join(', ')}`]),
    ...(peakMb <= RSS_MB_PER_THREAD * width ? [] : [`more than ${RSS_MB_PER_THREAD * width} MiB resident`]),
  ];
  for (const problem of wrong) console.error(`FAILED: ${problem}`);
  return wrong.length === 0 ? 0 : 1;
}
