/** Texts by which somebody could reach what is Flame's own: to keep them from where they must not be. Pure. */
import type { AppConfig, RedisConfig } from './types.ts';

export interface OwnSecrets {
  /** Of signing and encryption: whoever holds one can make calls, or read them. */
  readonly keys: readonly string[];
  /** Passwords, URLs that hold one, tokens of the dashboard. */
  readonly others: readonly string[];
}

/** Variables that hold secrets of ours, each also as `…_FILE`. */
const KEY_NAMES = ['FLAME_SIGNING_KEY', 'FLAME_ENCRYPTION_KEYS'];
const OTHER_NAMES = [
  'FLAME_REDIS_URL',
  'FLAME_REDIS_PASSWORD',
  'FLAME_DASHBOARD_TOKEN',
  'FLAME_DASHBOARD_VIEWER_TOKEN',
];

/** @returns every secret of the config, in each form in which it may be written, and of these variables. */
export const ownSecrets = (
  config: Pick<AppConfig, 'redis' | 'signingKey' | 'encryptionKeys'>,
  env: NodeJS.ProcessEnv = {},
): OwnSecrets => {
  const written = (names: readonly string[]): (string | undefined)[] =>
    names.flatMap((name) => [env[name], env[`${name}_FILE`]]);
  const keys = config.encryptionKeys.map(({ key }) => key.export());
  const lists = written(['FLAME_ENCRYPTION_KEYS']).flatMap((text) => text?.split(',') ?? []);
  return {
    keys: texts([
      config.signingKey,
      ...written(KEY_NAMES),
      ...lists.map((item) => item.slice(item.indexOf(':') + 1).trim()),
      ...keys.flatMap((key) => (['base64', 'base64url', 'hex'] as const).map((form) => key.toString(form))),
    ]),
    others: texts([...redisSecrets(config.redis), ...written(OTHER_NAMES).flatMap(ofAddress)]),
  };
};

/** From here on a secret is also looked for inside of a longer text: a shorter one would be found by chance. */
const PART_LENGTH = 8;

/** @returns whether the text is one of the secrets, or contains a long one, plain or as URLs write it. */
export const holdsSecret = (text: string, secrets: readonly string[]): boolean =>
  secrets.some(
    (secret) =>
      text === secret ||
      (secret.length >= PART_LENGTH && (text.includes(secret) || text.includes(encodeURIComponent(secret)))),
  );

const texts = (found: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(found.filter((text): text is string => text !== undefined && text !== '')),
];

/** A URL without a password is no secret: it says where something is. */
const ofAddress = (text: string | undefined): (string | undefined)[] => {
  if (text === undefined || !URL.canParse(text)) return [text];
  const { password, searchParams } = new URL(text);
  const found = [decoded(password), searchParams.get('password') ?? ''].filter((each) => each !== '');
  return found.length === 0 ? [] : [text, password, ...found];
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const redisSecrets = (redis: RedisConfig): (string | undefined)[] => {
  if (redis.kind === 'cluster') return ofOptions(redis.options.redisOptions ?? {});
  return [...(redis.url === undefined ? [] : ofAddress(redis.url)), ...ofOptions(redis.options)];
};

const ofOptions = (options: object): (string | undefined)[] => {
  const { password, sentinelPassword, tls } = options as Readonly<Record<string, unknown>>;
  const { key, passphrase } = (tls ?? {}) as Readonly<Record<string, unknown>>;
  return [password, sentinelPassword, passphrase, key].flat().map((value) => {
    if (typeof value === 'string') return value;
    return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : undefined;
  });
};
