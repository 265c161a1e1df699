/** Four kinds of load that pools meet, to try settings on before there is a past. The same calls every time. */
import { didYouMean } from '@flamejs/protocol/suggest';
import { FlameConfigError, type Trace, type TracedCall } from '@flamejs/queue';
import { exponential, lognormal, seeded } from './random.ts';

/** Midnight, so that policies that follow a calendar see a day from its beginning. */
const START = Date.UTC(2026, 0, 5);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Load {
  readonly forMs: number;
  /** Calls a second at so many ms from the beginning. */
  rate(ms: number): number;
  durationMs(random: () => number, ms: number): number;
}

const trace = (name: string, { forMs, rate, durationMs }: Load): Trace => {
  const random = seeded(name.length * 7_919);
  const calls: TracedCall[] = [];
  // Lewis and Shedler's thinning: draws at the highest rate, of which each is kept by the rate of its moment.
  let highest = 0;
  for (let ms = 0; ms <= forMs; ms += 1_000) highest = Math.max(highest, rate(ms));
  for (let ms = exponential(random, 1_000 / highest); ms < forMs; ms += exponential(random, 1_000 / highest))
    if (random() < rate(ms) / highest) calls.push({ at: START + ms, durationMs: durationMs(random, ms) });
  return { startAt: START, endAt: START + forMs, calls, resolution: `example trace "${name}", ${calls.length} calls` };
};

const EXAMPLES = {
  /** Two calls a second of one second, for an hour. */
  steady: { forMs: HOUR, rate: () => 2, durationMs: (random) => lognormal(random, 1_000, 0.5) },
  /** Nothing, and each ten minutes 30 s of ten calls a second. */
  bursts: {
    forMs: 2 * HOUR,
    rate: (ms) => (ms % (10 * MINUTE) < 30_000 ? 10 : 0),
    durationMs: (random) => lognormal(random, 2_000, 0.5),
  },
  /** A day: quiet at night, a wave with its top in the afternoon. */
  day: {
    forMs: 24 * HOUR,
    rate: (ms) => 0.02 + 0.8 * Math.max(0, Math.sin(((ms / HOUR - 7) / 15) * Math.PI)) ** 2,
    durationMs: (random) => lognormal(random, 4_000, 1),
  },
  /** Many short calls, and each twentieth takes a minute. */
  mixed: {
    forMs: HOUR,
    rate: () => 1.5,
    durationMs: (random) => (random() < 0.05 ? lognormal(random, MINUTE, 0.3) : lognormal(random, 300, 0.5)),
  },
} satisfies Readonly<Record<string, Load>>;

export const exampleTraces: readonly string[] = Object.keys(EXAMPLES);

/** @throws FlameConfigError for a name that is none of them */
export const exampleTrace = (name: string): Trace => {
  if (Object.hasOwn(EXAMPLES, name)) return trace(name, EXAMPLES[name as keyof typeof EXAMPLES]);
  const message = `there is no example trace ${JSON.stringify(name)}; there are: ${exampleTraces.join(', ')}.${didYouMean(name, exampleTraces)}`;
  throw new FlameConfigError(message, { problems: [{ path: 'trace', message }] });
};
