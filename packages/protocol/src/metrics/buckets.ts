/** The histograms of waiting, running and booting: one set of bounds, so that they can be added up and merged. */

/** Upper bounds, milliseconds; what is longer stands in a bucket of its own behind them. */
export const BUCKET_BOUNDS_MS: readonly number[] = [
  5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** @returns the number of the bucket, from 0, in which a duration is counted */
export const bucketOf = (ms: number): number => {
  const at = BUCKET_BOUNDS_MS.findIndex((bound) => ms <= bound);
  return at < 0 ? BUCKET_BOUNDS_MS.length : at;
};

/** What a histogram is called where it is stored: `w` waiting, `r` running, `c` waiting for a machine, `b` booting. */
export type HistogramName = 'w' | 'r' | 'c' | 'b';

/** The fields of a stored histogram that one duration raises, and by how much. */
export const histogramFields = (name: HistogramName, ms: number): readonly (readonly [string, number])[] => [
  [`${name}${bucketOf(ms)}`, 1],
  [`${name}sum`, Math.max(0, Math.round(ms))],
];
