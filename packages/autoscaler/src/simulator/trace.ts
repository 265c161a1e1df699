/** What a simulation serves: which call came when, and how long it ran. */
import { FlameConfigError, type HistorySample, type Trace, type TracedCall } from '@flamejs/queue';
import { exponential, seeded } from './random.ts';

/** More calls than these are not simulated: nobody would wait for the answer. */
export const MOST_CALLS = 1_000_000;

/**
 * Calls drawn from samples, with a fixed seed: as many in each interval as must have come there (what was added to the
 * queue and what was served), at times that are drawn within it, with lengths that are drawn around the mean of that moment.
 * Where the mean was not measured it follows from how many ran and how many ended; where none has ended they run as long as
 * the samples last.
 */
export const traceOfSamples = (samples: readonly HistorySample[]): Trace => {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return { startAt: 0, endAt: 0, calls: [], resolution: 'no samples' };
  const random = seeded(samples.length);
  const known = samples.find(({ serviceTimeMs }) => serviceTimeMs !== null)?.serviceTimeMs ?? littlesMean(samples);
  const endless = Math.max(1, last.at - first.at);
  const serviceMs = (sample: HistorySample): number => Math.max(1, sample.serviceTimeMs ?? known ?? endless);
  const drawn: TracedCall[] = [];
  const draw = (count: number, from: number, forMs: number, durationMs: number): void => {
    for (let i = 0; i < count && drawn.length < MOST_CALLS; i += 1)
      drawn.push({
        at: from + random() * forMs,
        durationMs: known === null ? durationMs : exponential(random, durationMs),
      });
  };
  // What ran at the beginning has run for a while; what waited there begins then.
  for (let i = 0; i < first.active; i += 1) drawn.push({ at: first.at, durationMs: serviceMs(first) * random() });
  draw(first.waiting, first.at, 0, serviceMs(first));
  // Calls end one by one and not by fractions: what an interval counts too few, the next ones make up for.
  let debt = 0;
  for (const [i, sample] of samples.entries()) {
    const next = samples[i + 1];
    if (next === undefined) break;
    const forMs = next.at - sample.at;
    const inSystem = next.waiting + next.active - sample.waiting - sample.active;
    const served = known === null ? 0 : (((sample.active + next.active) / 2) * forMs) / serviceMs(sample);
    const came = inSystem + served + debt;
    const whole = Math.max(0, Math.floor(came));
    debt = came - whole;
    draw(whole, sample.at, forMs, serviceMs(sample));
  }
  const times = known === null ? 'no call had ended, so each runs to the end' : 'durations drawn around their mean';
  const stepMs = samples.length > 1 ? Math.round((last.at - first.at) / (samples.length - 1)) : 0;
  return {
    startAt: first.at,
    endAt: last.at,
    calls: drawn.sort((a, b) => a.at - b.at),
    pauses: pausesOf(samples),
    runnersAtStart: first.useful,
    ...bootsOf(samples),
    resolution: `${samples.length} samples, one each ${stepMs} ms; arrivals drawn within each, ${times}`,
  };
};

/** Little's law over the whole of it: slots busy times time, divided by the calls that ended. `null` when none did. */
const littlesMean = (samples: readonly HistorySample[]): number | null => {
  let [busyMs, ended] = [0, 0];
  for (const [i, sample] of samples.entries()) {
    const next = samples[i + 1];
    if (next === undefined) break;
    busyMs += sample.active * (next.at - sample.at);
    ended += Math.max(0, sample.waiting + sample.active - next.waiting - next.active);
  }
  return ended > 0 && busyMs > 0 ? busyMs / ended : null;
};

const bootsOf = (samples: readonly HistorySample[]): Pick<Trace, 'bootMs'> => {
  const known = samples.flatMap(({ bootTimeMs }) => bootTimeMs ?? []);
  const sorted = known.sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle === undefined ? {} : { bootMs: middle };
};

const pausesOf = (samples: readonly HistorySample[]): { readonly from: number; readonly to: number }[] => {
  const pauses: { from: number; to: number }[] = [];
  let from: number | null = null;
  for (const { at, paused } of samples) {
    if (paused) from ??= at;
    else if (from !== null) {
      pauses.push({ from, to: at });
      from = null;
    }
  }
  if (from !== null) pauses.push({ from, to: Number.POSITIVE_INFINITY });
  return pauses;
};

/**
 * Reads a trace of lines `{"at": <epoch ms>, "durationMs": <ms>}`, as `flamejs calls export --trace` writes them.
 * @throws FlameConfigError that names the first line which is none
 */
export const parseTrace = (text: string): Trace => {
  const calls = text
    .split('\n')
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => callOf(line, number))
    .sort((a, b) => a.at - b.at);
  if (calls.length > MOST_CALLS) throw wrong(MOST_CALLS + 1, `at most ${MOST_CALLS} calls are simulated`);
  const startAt = calls[0]?.at ?? 0;
  const endAt = calls.reduce((latest, { at, durationMs }) => Math.max(latest, at + durationMs), startAt);
  return { startAt, endAt, calls, resolution: `${calls.length} calls, each as it was` };
};

const callOf = (line: string, number: number): TracedCall => {
  let value: { at?: unknown; durationMs?: unknown } | null;
  try {
    value = JSON.parse(line);
  } catch {
    throw wrong(number, 'expected JSON');
  }
  const { at, durationMs } = value ?? {};
  if (typeof at !== 'number' || typeof durationMs !== 'number' || !(at >= 0) || !(durationMs >= 0))
    throw wrong(number, 'expected {"at": <epoch ms>, "durationMs": <ms>}');
  return { at, durationMs };
};

const wrong = (line: number, message: string): FlameConfigError =>
  new FlameConfigError(`the trace, line ${line}: ${message}`, { problems: [{ path: `line ${line}`, message }] });
