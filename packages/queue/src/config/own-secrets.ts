/** Texts by which somebody could reach what is Flame's own: to keep them from where they must not be. Pure. */
import { partsOfSecret } from '@flamejs/protocol/secret-parts';
import type { AppConfig, RedisConfig } from './types.ts';

export interface OwnSecrets {
  /** Of signing and encryption: whoever holds one can make calls, or read them. */
  readonly keys: readonly string[];
  /** Passwords, URLs that hold one, tokens of the dashboard. */
  readonly others: readonly string[];
}

/** Variables that hold secrets of ours, each also as `…_FILE`. */
const KEY_NAMES = ['FLAME_SIGNING_KEY', 'FLAME_ENCRYPTION_KEYS'];
const ADDRESS_NAMES = ['FLAME_REDIS_URL'];
const REDIS_PASSWORD = 'FLAME_REDIS_PASSWORD';
const OTHER_NAMES = ['FLAME_DASHBOARD_TOKEN', 'FLAME_DASHBOARD_VIEWER_TOKEN'];

/**
 * @param parts `redis: false` leaves out what opens Redis, for a pool that may know it
 * @returns every secret of the config, in each form in which it may be written, and of these variables
 */
export const ownSecrets = (
  config: Pick<AppConfig, 'redis' | 'signingKey' | 'encryptionKeys'>,
  env: NodeJS.ProcessEnv = {},
  { redis = true }: { readonly redis?: boolean } = {},
): OwnSecrets => {
  const written = (names: readonly string[]): (string | undefined)[] =>
    names.flatMap((name) => [env[name], env[`${name}_FILE`]]);
  const keys = config.encryptionKeys.map(({ key }) => key.export());
  return {
    keys: texts([
      config.signingKey,
      ...written(KEY_NAMES),
      ...keys.flatMap((key) => (['base64', 'base64url', 'hex'] as const).map((form) => key.toString(form))),
    ]),
    others: texts([
      ...(redis ? redisSecrets(config.redis) : []),
      ...written(redis ? [...OTHER_NAMES, REDIS_PASSWORD] : OTHER_NAMES),
      ...(redis ? written(ADDRESS_NAMES).filter(isUrl) : []),
    ]),
  };
};

const texts = (found: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(found.flatMap((text) => (text === undefined ? [] : partsOfSecret(text)))),
];

/** A host with its port, or a path of a socket, is none, and no secret either. */
const isUrl = (address: string | undefined): boolean => address?.includes('://') === true;

const redisSecrets = (redis: RedisConfig): (string | undefined)[] => {
  if (redis.kind === 'cluster') return ofOptions(redis.options.redisOptions ?? {});
  return [...[redis.url].filter(isUrl), ...ofOptions(redis.options)];
};

const ofOptions = (options: object): (string | undefined)[] => {
  const { password, sentinelPassword, tls } = options as Readonly<Record<string, unknown>>;
  const { key, passphrase } = (tls ?? {}) as Readonly<Record<string, unknown>>;
  return [password, sentinelPassword, passphrase, key].flat().map((value) => {
    if (typeof value === 'string') return value;
    return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : undefined;
  });
};
