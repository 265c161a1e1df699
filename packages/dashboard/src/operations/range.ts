/** A pool's history over a range of up to a month: gauges, what arrived and ended between two points, and how long calls waited and ran. */
import { BUCKET_BOUNDS_MS } from '@flamejs/protocol';
import type { Link } from './link.ts';
import { toNumber, toRecord, toText } from './numbers.ts';

export type RangeResolution = 'seconds' | 'minutes' | 'quarters';

export interface RangePoint {
  /** The end of what it is about, Redis ms. */
  readonly at: number;
  /** Means over the time since the point before; of `seconds` the values of that moment. */
  readonly waiting: number;
  readonly active: number;
  readonly ready: number;
  readonly booting: number;
  readonly draining: number;
  readonly physical: number;
  readonly oldestWaitMs: number;
  /** `null` while it was not known. */
  readonly wanted: number | null;
  readonly waitingMax: number;
  readonly oldestWaitMaxMs: number;
  /** Calls since the point before; `null` for the first point. Arrivals are those that were begun and those that wait more than before. */
  readonly arrived: number | null;
  readonly ended: number | null;
  readonly failed: number | null;
  /** Calls since the point before by how long they waited and ran, in the buckets of `bounds` and one behind them; `null` for `seconds`. */
  readonly waits: readonly number[] | null;
  readonly runs: readonly number[] | null;
  /** Machine time that calls used since the point before, ms, and what it cost. */
  readonly machineMs: number | null;
  readonly dollars: number | null;
}

export interface Range {
  readonly pool: string;
  readonly resolution: RangeResolution;
  /** Upper bounds of the buckets, ms. */
  readonly bounds: readonly number[];
  /** The oldest first. Where there is no point for longer than the resolution, nobody led. */
  readonly points: readonly RangePoint[];
}

const HOUR_MS = 3_600_000;
/** More than any range has of its resolution. */
const MOST_POINTS = 4_000;

/** Seconds for an hour, minutes for a day, quarters of an hour for everything longer, and for everything older. */
export const resolutionOf = (from: number, now: number): RangeResolution => {
  if (now - from <= HOUR_MS) return 'seconds';
  return now - from <= 24 * HOUR_MS ? 'minutes' : 'quarters';
};

/** @param from Redis ms @param to Redis ms */
export const readRange = async (link: Link, pool: string, from: number, to: number, now: number): Promise<Range> => {
  const resolution = resolutionOf(from, now);
  const keys = link.keys(pool);
  const key = resolution === 'seconds' ? keys.history : keys.historyOf(resolution);
  const [before, entries] = await Promise.all([
    link.client.xrevrange(key, `(${from}-0`, '-', 'COUNT', 1),
    // From the end: of a denser history than can be shown the newest counts.
    link.client.xrevrange(key, String(to), String(from), 'COUNT', MOST_POINTS),
  ]);
  const samples = [...before.slice(0, 1), ...entries.reverse()].map(([, flat]) => toRecord(flat));
  const points = samples.map((sample, i) => pointOf(sample, samples[i - 1], resolution));
  return { pool, resolution, bounds: BUCKET_BOUNDS_MS, points: withArrivals(points).slice(before.length) };
};

/**
 * The queue is counted at once, and what was begun with the next heartbeat of its runner: what is less than nothing at one point is
 * taken off the next ones, so that the sum is right. Pure.
 */
export const withArrivals = (points: readonly RangePoint[]): readonly RangePoint[] => {
  let owed = 0;
  return points.map((point) => {
    if (point.arrived === null) return point;
    const arrived = point.arrived + owed;
    owed = Math.min(0, arrived);
    return { ...point, arrived: Math.max(0, arrived) };
  });
};

type Fields = Readonly<Record<string, unknown>>;

/** Pure. @param earlier the sample before, of which the counters are taken off */
export const pointOf = (sample: Fields, earlier: Fields | undefined, resolution: RangeResolution): RangePoint => {
  const n = (name: string): number => toNumber(sample[name]);
  const since = (name: string): number | null => {
    if (earlier === undefined) return null;
    return grown(n(name), toNumber(earlier[name]));
  };
  const histogram = (name: string): readonly number[] | null => {
    if (resolution === 'seconds' || earlier === undefined) return null;
    const then = toText(earlier[name]).split(',').map(toNumber);
    return toText(sample[name])
      .split(',')
      .map((count, i) => grown(toNumber(count), then[i] ?? 0));
  };
  const thinned = resolution !== 'seconds';
  const left = (of: Fields): number => toNumber(of[thinned ? 'waitingLast' : 'waiting']);
  const begun = since('begun');
  const nano = since('nano');
  return {
    at: n('at'),
    waiting: n('waiting'),
    active: n('active'),
    ready: n('ready'),
    booting: n('booting') + n('requested'),
    draining: n('draining'),
    physical: n('physical'),
    oldestWaitMs: n('oldestWaitMs'),
    wanted: n('wanted') < 0 ? null : n('wanted'),
    waitingMax: thinned ? n('waitingMax') : n('waiting'),
    oldestWaitMaxMs: thinned ? n('oldestWaitMsMax') : n('oldestWaitMs'),
    arrived: begun === null || earlier === undefined ? null : begun + left(sample) - left(earlier),
    ended: since('ended'),
    // Runners that failed stand beside it, as `failed`.
    failed: since('failures'),
    waits: histogram('w'),
    runs: histogram('r'),
    machineMs: thinned ? since('ms') : null,
    dollars: thinned && nano !== null ? nano * 1e-9 : null,
  };
};

/** A counter that is less than before began anew. */
const grown = (now: number, then: number): number => (now >= then ? now - then : now);
