/**
 * Puts back what one call may have changed for the next one in the same process: working directory, umask, exit code,
 * environment. It runs after the result has been sent, so that no caller waits for it, and looks at nothing that no call has
 * touched. The temporary folder, globals, modules' state, open sockets, timers and watchers stay: a pool whose calls must not meet
 * at all uses `singleUse`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvironmentWatch } from './environment.ts';

const TEMP_NAMES = ['TMPDIR', 'TMP', 'TEMP'] as const;

export interface Leftovers {
  /** @throws Error when it cannot be put back (its working directory was deleted): this process is not to be used again. */
  clear(): void;
}

/** Takes the present state as what every call shall find. @param isProcess a worker thread has no directory and umask of its own. */
export const rememberState = (environment: EnvironmentWatch, isProcess: boolean): Leftovers => {
  const cwd = process.cwd();
  const umask = isProcess ? process.umask() : 0;
  environment.begin();
  return {
    clear: () => {
      if (isProcess) {
        process.umask(umask);
        if (whereAmI() !== cwd) process.chdir(cwd);
      }
      process.exitCode = undefined;
      environment.restore();
    },
  };
};

/**
 * Makes the executor's own directory for temporary files, before any module asks for one. It lives as long as the executor: what a library keeps in
 * it is there for the next call.
 * @param tempRoot a directory of this executor, which the runner removes after it.
 */
export const makeTempDir = (tempRoot: string): void => {
  const dir = join(tempRoot, 'tmp');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const name of TEMP_NAMES) process.env[name] = dir;
};

const whereAmI = (): string | undefined => {
  try {
    return process.cwd();
  } catch {
    return undefined; // the directory was deleted
  }
};
