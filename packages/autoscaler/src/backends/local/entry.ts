/**
 * Which module a local runner is. (Its import has a name of its own, for a bundle of a caller may define `createRequire`.)
 */
import { existsSync } from 'node:fs';
import { createRequire as requireFrom } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlameLaunchError } from '@flamejs/queue';

const RUNNER = '@flamejs/runner/main';
/** A package manager that hoists nothing shows an application only what it depends on itself. */
const RUNNERS = [RUNNER, 'flamejs/runner'];

/**
 * The application's own copy of the runner wins over the one beside this package: both sides of a call should be of one
 * version.
 * @throws FlameLaunchError of kind `invalid` when there is none.
 */
export const resolveEntry = (command: string | undefined, roots: readonly string[]): string => {
  if (command !== undefined) {
    const file = resolve(roots[0] ?? process.cwd(), command);
    if (existsSync(file)) return file;
    throw new FlameLaunchError(`local(): the runner module ${file} does not exist`, {
      kind: 'invalid',
      providerCode: 'ENOENT',
    });
  }
  for (const root of roots) {
    for (const runner of RUNNERS) {
      try {
        return requireFrom(join(root, 'package.json')).resolve(runner);
      } catch {
        // Not installed there; the next place may have it.
      }
    }
  }
  try {
    const file = fileURLToPath(import.meta.resolve(RUNNER));
    if (existsSync(file)) return file;
  } catch {
    // Reported below with all places.
  }
  throw new FlameLaunchError(
    `local(): cannot find a runner from ${roots.join(', ')}; install flamejs in the application, or set local({ command })`,
    { kind: 'invalid', providerCode: 'MODULE_NOT_FOUND' },
  );
};

/** Where the application may live, in order: as configured, beside its config file, the working directory. */
export const rootsOf = (root: string | undefined, configFile: string | undefined): readonly string[] => [
  ...new Set([
    ...(root === undefined ? [] : [root]),
    ...(configFile === undefined ? [] : [dirname(configFile)]),
    process.cwd(),
  ]),
];
