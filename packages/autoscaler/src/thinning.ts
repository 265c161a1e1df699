/**
 * The history that lasts: samples of a minute, and of a quarter of an hour, made of those of each tick. Gauges are merged (mean,
 * highest, last); counters and histograms need no merging, for they only grow and the newest has all. Pure.
 */

export type SampleFields = Readonly<Record<string, string | number>>;

export interface Resolution {
  readonly name: 'minutes' | 'quarters';
  readonly widthMs: number;
  /** How many are kept: a day of minutes, a month of quarters. */
  readonly keep: number;
}

export const RESOLUTIONS: readonly Resolution[] = [
  { name: 'minutes', widthMs: 60_000, keep: 1_440 },
  { name: 'quarters', widthMs: 900_000, keep: 31 * 96 },
];

export interface Thinner {
  /** @returns the sample of the period that has ended with this one, `undefined` within a period */
  add(at: number, sample: SampleFields): SampleFields | undefined;
  /** What there is of the period that has not ended, and nothing after it. */
  rest(): SampleFields | undefined;
}

/** Gauges of which the highest says more than the mean. */
const PEAKS = ['waiting', 'active', 'oldestWaitMs', 'physical', 'ready'];

export const createThinner = ({ widthMs }: Pick<Resolution, 'widthMs'>): Thinner => {
  let period: number | undefined;
  let samples: SampleFields[] = [];

  const close = (): SampleFields | undefined => {
    const merged = samples.length === 0 || period === undefined ? undefined : merge(period * widthMs, samples);
    samples = [];
    return merged;
  };

  return {
    add(at, sample) {
      const own = Math.floor(at / widthMs);
      const ended = period !== undefined && own !== period ? close() : undefined;
      period = own;
      samples.push(sample);
      return ended;
    },
    rest: close,
  };
};

const merge = (at: number, samples: readonly SampleFields[]): SampleFields => {
  const last = samples.at(-1) ?? {};
  const merged: Record<string, string | number> = { period: at, of: samples.length };
  for (const name of Object.keys(last)) {
    // What is not known stands as a negative number, which is no part of a mean.
    const values = samples.map((sample) => Number(sample[name] ?? 0)).filter((value) => value >= 0);
    merged[name] =
      values.length === 0
        ? -1
        : Math.round((values.reduce((sum, value) => sum + value, 0) / values.length) * 100) / 100;
  }
  for (const name of PEAKS) merged[`${name}Max`] = Math.max(...samples.map((sample) => Number(sample[name] ?? 0)));
  merged.waitingLast = Number(last.waiting ?? 0);
  return merged;
};
