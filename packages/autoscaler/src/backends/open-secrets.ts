/**
 * Secrets that would stand where others can read them: in user-data, in a machine's configuration, among a container's
 * variables. A password alone opens as much as the URL that it is part of. Pure.
 */
import { isSecretName } from '@flamejs/protocol/redact-text';
import { holdsSecret, partsOfSecret } from '@flamejs/protocol/secret-parts';
import type { Backend, PoolConfig } from '@flamejs/queue';

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
  return Object.keys(secrets).find((name) => {
    const parts = partsOfSecret(secrets[name] ?? '');
    return open.some((text) => holdsSecret(text, parts));
  });
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
