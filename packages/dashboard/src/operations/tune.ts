/** Live settings of a pool: read, tried on its recent past, and changed. The autoscaler applies them at its next tick. */
import {
  changeSettings,
  configured,
  type EffectivePool,
  type Replay,
  readSettings,
  replay,
} from '@flamejs/autoscaler/tuning';
import { FlameConfigError, type PoolConfig } from '@flamejs/queue';
import { redisNow } from '@flamejs/queue/protocol';
import type { Link } from './link.ts';
import { readReplayHistory } from './streams.ts';
import type { TuningView } from './types.ts';

/** Samples that the autoscaler keeps: an hour at one a second. */
const HISTORY = 3_600;

export type Change = Readonly<Record<string, unknown>>;

export const readTuning = async (link: Link, pool: string): Promise<TuningView> => {
  const config = configOf(link, pool);
  const { raw, now } = await read(link, pool);
  const settings = readSettings(config, raw);
  const { by, at, ...live } = raw;
  return {
    pool,
    configured: plain(configured(config)),
    effective: plain(settings.ok ? unexpired(settings.effective, now) : configured(config)),
    live: Object.fromEntries(Object.entries(live).map(([name, text]) => [name, readValue(name, text)])),
    problems: settings.ok ? [] : settings.problems,
    by: by ?? '',
    at: Number(at ?? 0) || 0,
  };
};

/** What the pool would have done in its recent past, were it changed so. @throws FlameConfigError for a bad change */
export const replayTuning = async (link: Link, pool: string, change: Change): Promise<Replay> => {
  const { effective, now } = await changed(link, pool, change);
  return replay(configOf(link, pool), unexpired(effective, now), await readReplayHistory(link, pool, HISTORY));
};

/** KEYS the hash; ARGV who, when, number of fields to drop, those, then fields and values. */
const STORE = `
local drop = tonumber(ARGV[3])
for i = 4, 3 + drop do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('HSET', KEYS[1], 'by', ARGV[1], 'at', ARGV[2], unpack(ARGV, 4 + drop))
`;

/** @throws FlameConfigError for a bad change, of which nothing is stored */
export const tune = async (link: Link, pool: string, change: Change, by: string): Promise<TuningView> => {
  const { set, drop, now } = await changed(link, pool, change);
  const fields = Object.entries(set).flat();
  await link.client.eval(STORE, 1, link.keys(pool).settings, by, now, drop.length, ...drop, ...fields);
  return readTuning(link, pool);
};

const changed = async (link: Link, pool: string, change: Change) => {
  const { raw, now } = await read(link, pool);
  return { ...changeSettings(configOf(link, pool), raw, change, now), now };
};

const read = async (link: Link, pool: string) => {
  const [raw, now] = await Promise.all([link.client.hgetall(link.keys(pool).settings), redisNow(link.client)]);
  return { raw, now };
};

/** An override that has run out still stands in the hash. */
const unexpired = (effective: EffectivePool, now: number): EffectivePool =>
  effective.override !== null && effective.override.until <= now ? { ...effective, override: null } : effective;

const configOf = (link: Link, pool: string): PoolConfig => {
  const config = link.config.pools[pool];
  if (config !== undefined) return config;
  throw new FlameConfigError(`there is no pool "${pool}"`, { problems: [{ path: 'pool', message: 'unknown' }] });
};

const plain = ({ policy, allowIn, allowOut, ...rest }: ReturnType<typeof configured>): TuningView['effective'] => ({
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
