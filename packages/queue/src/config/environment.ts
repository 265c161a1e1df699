/** What the environment says: secrets and names that a launcher gives to a process, or an operator to all of them. */
import { readFileSync } from 'node:fs';
import type { ConfigProblem } from '@flamejs/protocol/errors/input-errors';

export interface Environment {
  readonly redisUrl: string | undefined;
  readonly signingKey: string | undefined;
  /** As `id:key,id:key`. */
  readonly encryptionKeys: string | undefined;
  readonly release: string | undefined;
  /** Nothing here reaches Redis, so whether its address is safe is of no concern: an executor, or inline mode. */
  readonly detached: boolean;
  /** It runs functions for a runner, and holds none of the secrets. */
  readonly isExecutor: boolean;
  readonly problems: readonly ConfigProblem[];
}

export const readEnvironment = (env: Readonly<NodeJS.ProcessEnv>): Environment => {
  const problems: ConfigProblem[] = [];
  // It is given none of the others: asking for them would look as if the application did.
  if (env.FLAME_EXECUTOR === '1') {
    const none = { redisUrl: undefined, signingKey: undefined, encryptionKeys: undefined };
    return { ...none, release: env.FLAME_RELEASE || undefined, detached: true, isExecutor: true, problems };
  }

  /** The variable itself, or the content of the file that `<name>_FILE` names, as containers hand secrets over. */
  const secret = (name: string): string | undefined => {
    const value = env[name];
    const file = env[`${name}_FILE`];
    if (value !== undefined && value !== '') return value;
    if (file === undefined || file === '') return undefined;
    try {
      return readFileSync(file, 'utf8').trim() || undefined;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      problems.push({ path: `${name}_FILE`, message: `names a file that cannot be read (${code}): ${file}` });
      return undefined;
    }
  };

  return {
    redisUrl: secret('FLAME_REDIS_URL'),
    signingKey: secret('FLAME_SIGNING_KEY'),
    encryptionKeys: secret('FLAME_ENCRYPTION_KEYS'),
    release: env.FLAME_RELEASE || undefined,
    isExecutor: false,
    detached: env.FLAME_MODE === 'inline',
    problems,
  };
};
