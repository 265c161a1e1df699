/** Finds the modules that hold the functions: glob patterns or paths, relative to the application's root. */
import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { FlameConfigError } from '@flamejs/queue/errors';
import { glob } from 'tinyglobby';

const PATTERN = /[*?[\]{}!()]/;

/**
 * A pattern that names TypeScript and matches no file stands for what a compiler makes of it: `./src/tasks/*.ts` finds
 * `./src/tasks/*.js` beside a compiled config, and `./dist/tasks/*.js` or `./dist/src/tasks/*.js` beside one that is not compiled.
 *
 * @returns absolute paths, sorted, each once.
 * @throws FlameConfigError when a path does not exist or a pattern matches nothing, in either layout.
 */
export const findModules = async (functions: readonly string[], root: string): Promise<readonly string[]> => {
  const found = await Promise.all(
    functions.map(async (pattern) => {
      const layouts = [pattern, ...compiledForms(pattern)];
      for (const layout of layouts) {
        const paths = await pathsOf(layout, root);
        if (paths.length > 0) return paths;
      }
      const others = layouts.length > 1 ? ' (nor does its compiled form, as .js, in dist/ or not)' : '';
      return `"${pattern}" matches no file under ${root}${others}`;
    }),
  );
  const problems = found.flatMap((paths, at) =>
    typeof paths === 'string' ? [{ path: `functions[${at}]`, message: paths }] : [],
  );
  if (problems.length > 0) {
    const text = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new FlameConfigError(`flame.config: ${text}`, { problems });
  }
  return [...new Set(found.flat())].sort();
};

const TYPESCRIPT = /\.([cm]?)tsx?$/;
/** `*.{ts,tsx}` */
const SEVERAL = /\.\{[^{}]*\bts\b[^{}]*\}$/;
/** Where compilers write unless they are told otherwise. */
const BUILT = 'dist';

const compiledForms = (pattern: string): readonly string[] => {
  const compiled = pattern.replace(TYPESCRIPT, '.$1js').replace(SEVERAL, '.{js,mjs,cjs}').replace(/^\.\//, '');
  if ((!TYPESCRIPT.test(pattern) && !SEVERAL.test(pattern)) || isAbsolute(pattern)) return [];
  return [compiled, `${BUILT}/${compiled.replace(/^src\//, '')}`, `${BUILT}/${compiled}`];
};

const pathsOf = async (pattern: string, root: string): Promise<readonly string[]> => {
  const plain = resolve(root, pattern);
  if (existsSync(plain)) return [plain];
  return PATTERN.test(pattern) ? matches(pattern, root) : [];
};

const matches = (pattern: string, root: string): Promise<string[]> =>
  glob(pattern, {
    cwd: root,
    absolute: true,
    onlyFiles: true,
    ignore: ['**/node_modules/**', '**/*.d.ts', '**/*.map'],
  });
