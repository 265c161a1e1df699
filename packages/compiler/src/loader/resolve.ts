/** Finds TypeScript files under the names that TypeScript lets people write: `./x.js` for x.ts, `./x`, `./folder`. */
import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * For `import`, when Node has found nothing.
 * @param parent URL of the importing file. Only TypeScript files may leave extensions out.
 * @returns URL of the file that is meant; `undefined` when there is none.
 */
export function resolveTypeScript(specifier: string, parent: string | undefined): string | undefined {
  const from = parent === undefined ? undefined : fileOf(parent);
  if (from === undefined || !/^(?:\.{1,2}\/|\/|file:|\.{1,2}$)/.test(specifier)) return undefined;
  const { href, search, hash } = new URL(specifier, parent);
  const path = fileOf(href);
  const found = path === undefined ? undefined : findTypeScript(path, from);
  return found === undefined ? undefined : pathToFileURL(found).href + search + hash;
}

/** The same for `require`, which knows paths only. @param from path of the file that requires. */
export function resolveTypeScriptPath(request: string, from: string | undefined): string | undefined {
  if (from === undefined || !/^(?:\.{1,2}\/|\/|\.{1,2}$)/.test(request)) return undefined;
  return findTypeScript(resolve(dirname(from), request), from);
}

const findTypeScript = (path: string, from: string): string | undefined =>
  candidates(path, /\.(?:[cm]?ts|tsx)$/.test(from)).find(isFile);

/** @returns path of a `file:` URL, without query and hash; `undefined` for every other URL. */
export function fileOf(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  try {
    return fileURLToPath(url.replace(/[?#].*$/, ''));
  } catch {
    // An escaped slash, or another machine's name: no file has such a URL.
    return undefined;
  }
}

export const isNotFound = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT'].includes(String(error.code));

const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx'];

function candidates(path: string, fromTypeScript: boolean): readonly string[] {
  const renamed = /^(.*)\.([cm]?)js(x?)$/.exec(path);
  if (renamed !== null) {
    const [, stem, kind = '', x = ''] = renamed;
    return x === '' && kind === '' ? [`${stem}.ts`, `${stem}.tsx`] : [`${stem}.${kind}ts${x}`];
  }
  if (!fromTypeScript) return [];
  return [...EXTENSIONS.map((each) => path + each), ...EXTENSIONS.map((each) => resolve(path, `index${each}`))];
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();
