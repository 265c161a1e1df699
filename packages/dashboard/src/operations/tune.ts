/** Live settings of a pool: read, tried on its recent past, and changed. The autoscaler applies them at its next tick. */

import { redisNow } from '@flamejs/protocol';
import {
  FlameConfigError,
  type PoolConfig,
  type PoolSettings,
  type Proposal,
  type RecordedTotals,
  type Replay,
  type Simulation,
  type SimulationOptions,
  type Trace,
  type Tuner,
  type WaitGoal,
} from '@flamejs/queue';
import type { Link } from './link.ts';
import { readReplayHistory } from './streams.ts';
import type { TuningView } from './types.ts';

/** Samples that the autoscaler keeps: an hour at one a second. */
const HISTORY = 3_600;

/** Of unknown origin; a `SettingsChange` when it is right. */
export type Change = Readonly<Record<string, unknown>>;

export interface Tuning {
  read(pool: string): Promise<TuningView>;
  /** What the pool would have done in its last hour. @throws FlameConfigError for a bad change */
  replay(pool: string, change: Change, options?: SimulationOptions): Promise<Replay>;
  /** What the last hour was, by its samples. */
  recorded(pool: string): Promise<RecordedTotals>;
  /** What the pool would do with these calls; with those of its last hour when no trace is given. @throws FlameConfigError for a bad change */
  simulate(pool: string, change: Change, trace?: Trace, options?: SimulationOptions): Promise<Simulation>;
  /** The cheapest settings that hold a goal. @throws RangeError for a trace of too few calls */
  search(pool: string, goal: WaitGoal, trace?: Trace, options?: SimulationOptions): Promise<Proposal>;
  /** @throws FlameConfigError for a bad change, of which nothing is stored */
  change(pool: string, change: Change, by: string): Promise<TuningView>;
}

/** KEYS the hash; ARGV who, when, number of fields to drop, those, then fields and values. */
const STORE = `
local drop = tonumber(ARGV[3])
for i = 4, 3 + drop do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('HSET', KEYS[1], 'by', ARGV[1], 'at', ARGV[2], unpack(ARGV, 4 + drop))
`;

/** @param given without it every method throws FlameConfigError */
export const createTuning = (link: Link, given: Tuner | undefined): Tuning => {
  const tuner = (): Tuner => {
    if (given !== undefined) return given;
    const message =
      'this dashboard was made without what judges settings: createDashboard(config, { tuner }) with that of flamejs/tuning';
    throw new FlameConfigError(message, { problems: [{ path: 'tuner', message }] });
  };

  const stored = async (pool: string) => {
    const [raw, now] = await Promise.all([link.client.hgetall(link.keys(pool).settings), redisNow(link.client)]);
    return { raw, now };
  };

  const changed = async (pool: string, change: Change) => {
    const { raw, now } = await stored(pool);
    return { ...tuner().change(configOf(link, pool), raw, change, now), now };
  };

  const inForce = async (pool: string, change: Change): Promise<PoolSettings> => {
    const { effective, now } = await changed(pool, change);
    return unexpired(effective, now);
  };

  const lastHour = async (pool: string): Promise<Trace> =>
    tuner().traces.ofSamples(await readReplayHistory(link, pool, HISTORY));

  const read = async (pool: string): Promise<TuningView> => {
    const config = configOf(link, pool);
    const configured = tuner().configured(config);
    const { raw, now } = await stored(pool);
    const settings = tuner().read(config, raw);
    const { by: _, at: __, ...live } = raw;
    return {
      pool,
      configured: plain(configured),
      effective: plain(settings.ok ? unexpired(settings.effective, now) : configured),
      live: Object.fromEntries(Object.entries(live).map(([name, text]) => [name, readValue(name, text)])),
      problems: settings.ok ? [] : settings.problems,
      by: settings.by,
      at: settings.at,
    };
  };

  return {
    read,
    async replay(pool, change, options) {
      const [now, would] = [await inForce(pool, {}), await inForce(pool, change)];
      const samples = await readReplayHistory(link, pool, HISTORY);
      return tuner().replay(configOf(link, pool), { now, would }, samples, options);
    },
    recorded: async (pool) => tuner().recorded(configOf(link, pool), await readReplayHistory(link, pool, HISTORY)),
    async simulate(pool, change, trace, options) {
      const settings = await inForce(pool, change);
      return tuner().simulate(configOf(link, pool), settings, trace ?? (await lastHour(pool)), options);
    },
    async search(pool, goal, trace, options) {
      const settings = await inForce(pool, {});
      return tuner().search(configOf(link, pool), settings, trace ?? (await lastHour(pool)), goal, options);
    },
    async change(pool, change, by) {
      const { set, drop, now } = await changed(pool, change);
      const fields = Object.entries(set).flat();
      await link.client.eval(STORE, 1, link.keys(pool).settings, by, now, drop.length, ...drop, ...fields);
      return read(pool);
    },
  };
};

/** An override that has run out still stands in the hash. */
const unexpired = (settings: PoolSettings, now: number): PoolSettings =>
  settings.override !== null && settings.override.until <= now ? { ...settings, override: null } : settings;

const configOf = (link: Link, pool: string): PoolConfig => {
  const config = link.config.pools[pool];
  if (config !== undefined) return config;
  throw new FlameConfigError(`there is no pool "${pool}"`, { problems: [{ path: 'pool', message: 'unknown' }] });
};

const plain = ({ policy, allowIn, allowOut, ...rest }: PoolSettings): TuningView['effective'] => ({
  ...rest,
  policy: policy.name,
  paused: allowIn ? (allowOut ? '' : 'out') : allowOut ? 'in' : 'all',
});

const readValue = (name: string, text: string): unknown => {
  if (name === 'paused') return text;
  try {
    return JSON.parse(text);
  } catch {
    // As it stands; `problems` says what is wrong with it.
    return text;
  }
};
