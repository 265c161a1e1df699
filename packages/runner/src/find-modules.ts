/** Finds the modules that hold the functions: glob patterns or paths, relative to the application's root. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { FlameConfigError } from '@flamejs/queue/errors';
import { glob } from 'tinyglobby';

const PATTERN = /[*?[\]{}!()]/;

/**
 * @returns absolute paths, sorted, each once.
 * @throws FlameConfigError when a path does not exist or a pattern matches nothing.
 */
export const findModules = async (functions: readonly string[], root: string): Promise<readonly string[]> => {
  const problems: { path: string; message: string }[] = [];
  const found = await Promise.all(
    functions.map(async (pattern, at) => {
      const plain = resolve(root, pattern);
      const paths = existsSync(plain) ? [plain] : PATTERN.test(pattern) ? await matches(pattern, root) : [];
      if (paths.length === 0) {
        problems.push({ path: `functions[${at}]`, message: `"${pattern}" matches no file under ${root}` });
      }
      return paths;
    }),
  );
  if (problems.length > 0) {
    const text = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new FlameConfigError(`flame.config: ${text}`, { problems });
  }
  return [...new Set(found.flat())].sort();
};

const matches = (pattern: string, root: string): Promise<string[]> =>
  glob(pattern, {
    cwd: root,
    absolute: true,
    onlyFiles: true,
    ignore: ['**/node_modules/**', '**/*.d.ts', '**/*.map'],
  });
