/** Limits as an operator sees and sets them: numbers stand in Redis, and what was set by hand wins over what releases declare. */
import type { RedisClient } from './connect.ts';
import { FlameConfigError } from './errors/index.ts';
import type { PoolKeys } from './keys.ts';
import { gateOfKey, parseWords } from './limits.ts';
import { didYouMean } from './suggest.ts';

/** A limit that some release of a pool has declared. */
export interface LimitView {
  /** Its name, or that of its function. */
  readonly limit: string;
  /** As the newest release declares it; `undefined` for any number. */
  readonly concurrency: number | undefined;
  /** `100/60000`: calls in milliseconds; `undefined` for any rate. */
  readonly rate: string | undefined;
  readonly release: string;
  /** Set by hand for all its keys, and by whom; `undefined` when nobody has. */
  readonly set: number | undefined;
  readonly setBy: string | undefined;
}

/** A key of a limit that has calls now. */
export interface LimitKeyView {
  readonly limit: string;
  /** `undefined` for a limit without keys, and where keys are sealed. */
  readonly key: string | undefined;
  /** Calls that have a place. */
  readonly running: number;
  /** Calls that it holds. */
  readonly held: number;
}

const MOST_KEYS = 100;

/** @returns the limits of a pool, by name */
export const readLimits = async (client: RedisClient, keys: PoolKeys): Promise<readonly LimitView[]> => {
  const fields = await client.hgetall(`${keys.base}:limits`);
  return Object.entries(fields)
    .filter(([field]) => field.startsWith('label '))
    .map(([field, limit]): LimitView => {
      const hash = field.slice('label '.length);
      const [calls, perMs] = (fields[`rate ${hash}`] ?? '').split(' ');
      const set = fields[`set ${hash}`];
      return {
        limit,
        concurrency: fields[hash] ? Number(fields[hash]) : undefined,
        rate: calls ? `${calls}/${perMs}` : undefined,
        release: fields[`by ${hash}`] ?? '',
        set: set === undefined ? undefined : Number(set),
        setBy: fields[`who ${hash}`],
      };
    })
    .sort((a, b) => (a.limit < b.limit ? -1 : 1));
};

/** @returns the keys that have most calls, at most 100 */
export const readLimitKeys = async (client: RedisClient, keys: PoolKeys): Promise<readonly LimitKeyView[]> => {
  const gates = await client.zrevrange(`${keys.base}:gates`, 0, MOST_KEYS - 1);
  return Promise.all(
    gates.map(async (gate) => {
      const [places, held] = [`${keys.base}:places:${gate}`, `${keys.base}:held:${gate}`];
      const [running, waiting, [one], [first]] = await Promise.all([
        client.zcard(places),
        client.zcard(held),
        client.zrange(places, '0', '0'),
        client.zrange(held, '0', '0'),
      ]);
      // The texts stand with the calls: in front of the id there are 39 characters of its turn (lib/gate.lua).
      const id = one ?? first?.slice(39) ?? '';
      const [own, text] = await client.hmget(`${keys.queue}${id}`, 'f:lim', 'f:keys');
      const words = parseWords(text ?? undefined).words[(own ?? '').split(' ').indexOf(gate)];
      return { limit: words?.label ?? '?', key: words?.key, running, held: waiting };
    }),
  );
};

export interface LimitChange {
  readonly limit: string;
  /** For this key alone; without it, for all that have no number of their own. */
  readonly key?: string | undefined;
  /** How many calls may have begun; 0 holds all of them, `null` takes back what was set. */
  readonly concurrency: number | null;
}

/**
 * In force for the next call of the key that ends, and for quiet keys within 10 s. What has begun goes on.
 * @throws FlameConfigError for a limit that the pool does not know, and for a number that is none
 */
export const setLimit = async (
  client: RedisClient,
  keys: PoolKeys,
  { limit, key, concurrency }: LimitChange,
  by: string,
): Promise<void> => {
  const all = `${keys.base}:limits`;
  const fields = await client.hgetall(all);
  const labels = Object.entries(fields).filter(([field]) => field.startsWith('label '));
  const hashes = labels.filter(([, label]) => label === limit).map(([field]) => field.slice('label '.length));
  if (hashes.length === 0) {
    const known = labels.map(([, label]) => label);
    refuse('limit', `pool "${keys.pool}" knows no limit "${limit}".${didYouMean(limit, known)}`);
  }
  if (concurrency !== null && !(Number.isInteger(concurrency) && concurrency >= 0))
    refuse('concurrency', `expected a whole number from 0, got ${concurrency}`);
  for (const hash of hashes) {
    const name = key === undefined ? hash : gateOfKey(hash, key);
    if (concurrency === null) await client.hdel(all, `set ${name}`, `who ${name}`);
    else await client.hset(all, `set ${name}`, concurrency, `who ${name}`, by);
  }
};

const refuse = (path: string, message: string): never => {
  throw new FlameConfigError(message, { problems: [{ path, message }] });
};
