/**
 * npm run fuzz: feeds mutated payloads to the decoder, and mutated sealed bytes to what opens them, as many as one likes, on
 * all processors. The push tests run some thousands of each.
 *
 *     npm run fuzz -- --count 10000000 --seed 7
 *
 * Prints runs, refusals, tags and memory; ends with code 1 and the payload when one breaks a rule, when a process crashes, when
 * a tag was not met, or when memory has grown past the bound.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { decoders } from '@flamejs/protocol/codec/tags/table';
import { type FuzzReport, fuzz } from '../packages/protocol/test/codec/fuzz.ts';
import { fuzzSealed, type SealedReport } from '../packages/queue/test/fuzz-sealed.ts';

interface Job {
  readonly plain: number;
  readonly sealed: number;
  readonly seed: number;
}

interface Done {
  readonly plain: FuzzReport;
  readonly sealed: SealedReport;
  /** The most memory that the process ever had. */
  readonly peakMb: number;
}

/** One in so many mutations is of sealed bytes, which take longer. */
const SEALED_SHARE = 40;
/** Of one process: its heap, beyond which it crashes, and its memory in all. More would mean that something is kept. */
const HEAP_MB = 256;
const RSS_MB = 768;
const STEP = 50_000;
const knownTags = ['ref', ...[...decoders.keys()].map(String)];

if (process.send === undefined) await lead();
else process.once('message', (job) => void work(job as Job));

async function lead(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      processes: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const [count, seed, width] = [Number(values.count), Number(values.seed), Number(values.processes)];
  if (![count, width].every((n) => Number.isInteger(n) && n >= 1) || !Number.isInteger(seed)) {
    console.error('usage: npm run fuzz -- [--count <number>] [--seed <integer>] [--processes <number>]');
    process.exit(2);
  }
  console.log(`${count.toLocaleString('en-US')} mutations, seed ${seed}, ${width} processes, Node ${process.version}`);
  const started = performance.now();
  let runs = 0;
  const tell = setInterval(() => console.log(`${runs.toLocaleString('en-US')} so far`), 60_000);
  try {
    const shares = Array.from({ length: width }, (_, i) => Math.floor(count / width) + (i < count % width ? 1 : 0));
    const all = await Promise.all(shares.map((share, i) => start(share, seed + i, (more) => (runs += more))));
    process.exitCode = judgeRun(all, count, (performance.now() - started) / 1000);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    clearInterval(tell);
  }
}

function start(count: number, seed: number, onRuns: (more: number) => void): Promise<Done> {
  const sealed = Math.floor(count / SEALED_SHARE);
  const child = fork(fileURLToPath(import.meta.url), [], {
    serialization: 'advanced',
    execArgv: ['--import', 'tsx', `--max-old-space-size=${HEAP_MB}`],
  });
  child.send({ plain: count - sealed, sealed, seed } satisfies Job);
  return new Promise((resolve, reject) => {
    child.on('message', (message: number | Done) => (typeof message === 'number' ? onRuns(message) : resolve(message)));
    child.on('error', reject);
    child.on('exit', (code, signal) => reject(new Error(`a process ended (${signal ?? code}) before it was done`)));
  });
}

/** In steps of sealed and plain ones by turns, with a seed for each step, so that a failure is found again soon. */
async function work({ plain, sealed, seed }: Job): Promise<void> {
  // Most mutations are refused, and nobody reads where.
  Error.stackTraceLimit = 0;
  const tags = new Map<string, number>();
  let [accepted, rejected, slowestMs, opened, refused, nth] = [0, 0, 0, 0, 0, 0];
  while (accepted + rejected < plain || opened + refused < sealed) {
    nth += 1;
    const stepSeed = (seed * 1_000_003 + nth) % 2 ** 31;
    const some = fuzz({ count: Math.min(STEP, plain - accepted - rejected), seed: stepSeed });
    // Mutated names of tags are there too, of which there is no end.
    for (const tag of knownTags) tags.set(tag, (tags.get(tag) ?? 0) + (some.tags.get(tag) ?? 0));
    accepted += some.accepted;
    rejected += some.rejected;
    slowestMs = Math.max(slowestMs, some.slowestMs);
    const closed = await fuzzSealed({
      count: Math.min(Math.ceil(STEP / SEALED_SHARE), sealed - opened - refused),
      seed: stepSeed,
    });
    opened += closed.opened;
    refused += closed.refused;
    process.send?.(some.runs + closed.runs);
  }
  const done: Done = {
    plain: { runs: accepted + rejected, accepted, rejected, tags, slowestMs },
    sealed: { runs: opened + refused, opened, refused },
    peakMb: process.resourceUsage().maxRSS / 1024,
  };
  process.send?.(done, () => process.disconnect());
}

function judgeRun(all: readonly Done[], count: number, seconds: number): number {
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
  const peakMb = Math.max(...all.map((done) => done.peakMb));
  console.log(`memory: at most ${peakMb.toFixed(0)} MiB resident in a process, its heap bounded at ${HEAP_MB} MiB`);
  const tags = new Map<string, number>();
  for (const done of all) for (const [tag, times] of done.plain.tags) tags.set(tag, (tags.get(tag) ?? 0) + times);
  console.log(`tags: ${knownTags.map((tag) => `${tag} ${n(tags.get(tag) ?? 0)}`).join(', ')}`);
  const missed = knownTags.filter((tag) => (tags.get(tag) ?? 0) === 0);
  const wrong = [
    ...(runs === count ? [] : [`${runs} of ${count} were run`]),
    ...(missed.length === 0 || count < 10_000 ? [] : [`tags never met: ${missed.join(', ')}`]),
    ...(peakMb <= RSS_MB ? [] : [`more than ${RSS_MB} MiB resident`]),
  ];
  for (const problem of wrong) console.error(`FAILED: ${problem}`);
  return wrong.length === 0 ? 0 : 1;
}
