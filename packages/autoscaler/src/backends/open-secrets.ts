/**
 * Secrets that would stand where others can read them: in user-data, in a machine's configuration, among a container's
 * variables. A secret is recognised by its parts too, for a password alone opens as much as the URL that it is part of. Pure.
 */
import { isSecretName } from '@flamejs/protocol/redact-text';
import type { Backend, PoolConfig } from '@flamejs/queue';

/** A shorter part stands in too many innocent texts; it is recognised as a whole value all the same. */
const LEAST_PART = 8;

/**
 * @param secrets values by their names, such as FLAME_REDIS_URL
 * @param texts what others can read: values of variables, tags, words of commands
 * @returns the name of a secret of which a part is among them
 */
export const findOpenSecret = (
  secrets: Readonly<Record<string, string>>,
  texts: Iterable<string>,
): string | undefined => {
  const open = [...texts];
  return Object.keys(secrets).find((name) =>
    partsOf(secrets[name] ?? '').some((part) =>
      open.some((text) => text === part || (part.length >= LEAST_PART && text.includes(part))),
    ),
  );
};

/** A URL without a password is no secret. Of a list of keys, each key is one. */
const partsOf = (secret: string): readonly string[] => {
  const parts = URL.canParse(secret) && secret.includes('://') ? passwordsOf(secret) : [secret, ...keysOf(secret)];
  return [...new Set(parts.flatMap((part) => [part, encodeURIComponent(part), decoded(part)]))].filter(
    (part) => part !== '',
  );
};

const passwordsOf = (url: string): readonly string[] => {
  const { password } = new URL(url);
  return password === '' ? [] : [url, password];
};

/** `name:key` for each, with commas or spaces between them. */
const keysOf = (list: string): readonly string[] =>
  list.split(/[\s,]+/).flatMap((entry) => (entry.includes(':') ? [entry.slice(entry.indexOf(':') + 1)] : []));

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/**
 * @returns names in a pool's `env` that sound like a credential of somebody else's, where the backend lets others read them.
 *   What names a file or a place of a secret is none.
 */
export const secretLikeNames = (pool: Pick<PoolConfig, 'env'>, backend: Backend): readonly string[] =>
  backend.sharesDisk
    ? []
    : Object.entries(pool.env)
        .filter(([name, value]) => value !== '' && isSecretName(name) && !/_(FILE|PATH|DIR|NAME|ARN|ID)$/i.test(name))
        .map(([name]) => name);
