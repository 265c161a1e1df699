/**
 * Runner ids: `<pool>-<owner>-<random>`. They name containers and machines and stem client tokens, so they are short and
 * lower case. The owner part tells two deployments of one app apart (staging and production in one cloud account): a
 * controller touches only instances that carry its own.
 */
import { createHash, randomBytes } from 'node:crypto';
import { FlameConfigError, type RedisConfig } from '@flamejs/queue';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const OWNER_LENGTH = 6;
const RANDOM_LENGTH = 12;
/** EC2 allows 64 characters of a client token, and backends append an attempt and an offering. */
const MAX_POOL_LENGTH = 36;

/**
 * Stable for as long as the app keeps its Redis: made from the place of the data, not from its credentials, which rotate.
 */
export const ownerOf = (app: string, prefix: string, redis: RedisConfig): string => {
  const hash = createHash('sha256')
    .update(JSON.stringify([app, prefix, ...placeOf(redis)]))
    .digest();
  return letters(hash, OWNER_LENGTH);
};

const placeOf = (redis: RedisConfig): readonly unknown[] => {
  if (redis.kind === 'cluster') return redis.nodes.map(({ host, port }) => `${host}:${port}`).sort();
  const { host, port, path, db, name, sentinels } = redis.options;
  const url = redis.url === undefined ? undefined : new URL(redis.url);
  return [
    name ?? null,
    name === undefined ? url?.hostname || host || path || 'localhost' : (sentinels ?? []).map((s) => s.host).sort(),
    Number(url?.port || port || 6379),
    Number(url?.pathname.slice(1) || db || 0),
  ];
};

export const newRunnerId = (pool: string, owner: string): string =>
  `${pool}-${owner}-${letters(randomBytes(RANDOM_LENGTH), RANDOM_LENGTH)}`;

export const isOwn = (runnerId: string, owner: string): boolean => ownerPart(runnerId) === owner;

/** The pool's name in a runner id of ours, `undefined` for any other text. */
export const poolOfRunnerId = (runnerId: string): string | undefined =>
  ownerPart(runnerId) === undefined ? undefined : runnerId.slice(0, -(OWNER_LENGTH + RANDOM_LENGTH + 2));

/** @throws FlameConfigError for pool names that would make an id too long for a cloud's tokens. */
export const checkPoolNames = (pools: readonly string[]): void => {
  const problems = pools
    .filter((pool) => pool.length > MAX_POOL_LENGTH)
    .map((pool) => ({ path: `pools.${pool}`, message: `a pool's name has at most ${MAX_POOL_LENGTH} characters` }));
  if (problems[0] === undefined) return;
  throw new FlameConfigError(`${problems[0].path}: ${problems[0].message}`, { problems });
};

const PATTERN = new RegExp(`^[a-z][a-z0-9-]*-([a-z2-7]{${OWNER_LENGTH}})-[a-z2-7]{${RANDOM_LENGTH}}$`);

const ownerPart = (runnerId: string): string | undefined => PATTERN.exec(runnerId)?.[1];

const letters = (bytes: Uint8Array, length: number): string =>
  Array.from(bytes.subarray(0, length), (byte) => ALPHABET[byte % 32]).join('');
