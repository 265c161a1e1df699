/** What has been counted of a pool, as it stands in Redis: by function, in all, and of its machines. */
import type { RedisClient } from '../connect.ts';
import type { PoolKeys } from '../keys.ts';
import { finite } from '../stored.ts';

/** The number in a field; 0 for one that is not there. */
export type Numbers = (field: string) => number;

export interface Counted {
  readonly of: Numbers;
  /** Names of its fields that begin so, without the beginning. */
  names(beginning: string): readonly string[];
}

export interface PoolNumbers {
  readonly functions: ReadonlyMap<string, Counted>;
  /** Of all functions, also of those whose own numbers have made room for others. */
  readonly all: Counted;
  /** Of its machines, by the leader. */
  readonly fleet: Counted;
}

export const readPoolNumbers = async (client: RedisClient, keys: PoolKeys): Promise<PoolNumbers> => {
  const names = await client.zrange(keys.metrics, '0', '-1');
  const hashes = await readHashes(client, [keys.metricsOf(''), keys.fleet, ...names.map(keys.metricsOf)]);
  const [all = NOTHING, fleet = NOTHING, ...functions] = hashes;
  return { all, fleet, functions: new Map(names.map((name, i) => [name, functions[i] ?? NOTHING])) };
};

/** All of one slot, so that a cluster takes them as one pipeline. A key of another type is as one that is not there. */
const readHashes = async (client: RedisClient, keys: readonly string[]): Promise<readonly Counted[]> => {
  const pipeline = client.pipeline();
  for (const key of keys) pipeline.hgetall(key);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (error && !error.message.startsWith('WRONGTYPE')) throw error;
    return counted(error ? {} : (value as Readonly<Record<string, string>>));
  });
};

const counted = (fields: Readonly<Record<string, string>>): Counted => ({
  of: (field) => finite(fields[field]),
  names: (beginning) =>
    Object.keys(fields)
      .filter((name) => name.startsWith(beginning))
      .map((name) => name.slice(beginning.length)),
});

const NOTHING = counted({});
