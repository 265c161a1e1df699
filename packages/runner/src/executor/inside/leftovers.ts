/**
 * Puts back what one call may have changed for the next one in the same process: working directory, environment, umask,
 * exit code, temporary files. It runs after the result has been sent, so that no caller waits for it. Globals, modules'
 * state and open sockets stay: a pool whose calls must not meet at all uses `singleUse`.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

const TEMP_NAMES = ['TMPDIR', 'TMP', 'TEMP'] as const;

export interface Leftovers {
  /** @throws Error when it cannot be put back (its working directory was deleted): this process is not to be used again. */
  clear(): void;
}

/**
 * Takes the present state as what every call shall find.
 * @param tempRoot a directory of this executor, which the runner removes after it.
 * @param isProcess a worker thread has no working directory and umask of its own.
 */
export const rememberState = (tempRoot: string, isProcess: boolean): Leftovers => {
  const cwd = process.cwd();
  const umask = isProcess ? process.umask() : 0;
  let generation = 0;
  let tempDir = makeTempDir(tempRoot, generation);
  const env: Record<string, string | undefined> = { ...process.env };
  let names = Object.keys(env);

  const restoreEnv = (): void => {
    for (const name of names) {
      const value = env[name];
      if (process.env[name] !== value && value !== undefined) process.env[name] = value;
    }
    const now = Object.keys(process.env);
    if (now.length === names.length) return;
    for (const name of now) if (!Object.hasOwn(env, name)) delete process.env[name];
  };

  const renewTempDir = (): void => {
    if (isEmpty(tempDir)) return;
    const old = tempDir;
    generation += 1;
    // A new name, so that what an earlier call still writes does not land in the next one's directory.
    tempDir = makeTempDir(tempRoot, generation);
    for (const name of TEMP_NAMES) env[name] = tempDir;
    names = Object.keys(env);
    restoreEnv();
    rm(old, { recursive: true, force: true }).catch(() => {
      // The runner removes the whole tree later.
    });
  };

  return {
    clear: () => {
      if (isProcess) {
        process.umask(umask);
        if (whereAmI() !== cwd) process.chdir(cwd);
      }
      process.exitCode = undefined;
      restoreEnv();
      renewTempDir();
    },
  };
};

const makeTempDir = (root: string, generation: number): string => {
  const dir = join(root, String(generation));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const name of TEMP_NAMES) process.env[name] = dir;
  return dir;
};

const isEmpty = (dir: string): boolean => {
  try {
    return readdirSync(dir).length === 0;
  } catch {
    return false; // it was removed, or made unreadable
  }
};

const whereAmI = (): string | undefined => {
  try {
    return process.cwd();
  } catch {
    return undefined; // the directory was deleted
  }
};
