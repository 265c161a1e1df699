/** Finds TypeScript files under the names that TypeScript lets people write: `./x.js` for x.ts, `./x`, `./folder`. */
import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Called when Node has found nothing.
 * @param parent URL of the importing file. Only TypeScript files may leave extensions out.
 * @returns URL of the file that is meant; `undefined` when there is none.
 */
export function resolveTypeScript(specifier: string, parent: string | undefined): string | undefined {
  if (parent === undefined || !parent.startsWith('file:') || !/^(?:\.{1,2}\/|\/|file:|\.{1,2}$)/.test(specifier))
    return undefined;
  const from = fileURLToPath(parent.replace(/[?#].*$/, ''));
  const bare = specifier.replace(/[?#].*$/, '');
  const suffix = specifier.slice(bare.length);
  const path = bare.startsWith('file:') ? fileURLToPath(bare) : resolve(dirname(from), bare);
  const found = candidates(path, /\.(?:[cm]?ts|tsx)$/.test(from)).find(isFile);
  return found === undefined ? undefined : pathToFileURL(found).href + suffix;
}

/** @returns path of a `file:` URL, without query and hash; `undefined` for every other URL. */
export const fileOf = (url: string): string | undefined =>
  url.startsWith('file:') ? fileURLToPath(url.replace(/[?#].*$/, '')) : undefined;

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
