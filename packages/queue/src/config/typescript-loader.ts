/** What lets Node load an application's TypeScript: the application's own `tsx`, else Node itself where it can. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { configError } from '@flamejs/protocol/errors/input-errors';

const STRIPPABLE = /\.[mc]?ts$/;
const TYPESCRIPT = /\.([mc]?ts|tsx)$/;
/** The compiler's mark in a process whose modules it loads: TypeScript is among them. */
const COMPILER = Symbol.for('@flamejs/compiler/installed');

export interface TypescriptLoader {
  /** For `node --import`: a process. */
  readonly forProcess: string;
  /** Modules with `register()`, in this order: for a process that runs, and a thread, in which Node 20 ignores `--import`. */
  readonly apis: readonly string[];
}

export type Resolve = (from: string, request: string) => string | undefined;

/**
 * It must be there before the first TypeScript module is imported: Node remembers an import that failed, and a `require`
 * of the same file that comes after it fails too.
 *
 * An application that has tsx has it because its sources need it: imports without extension, enums, and modules of a
 * package without a type, none of which Node's own stripping takes.
 *
 * @param modules absolute paths or `file:` URLs.
 * @returns URLs of the loader, `undefined` when none is needed.
 * @throws FlameConfigError when a module is TypeScript and nothing here can load it; the message says what to install.
 */
export const typescriptLoader = (
  modules: readonly string[],
  root: string,
  resolve: Resolve = resolveFrom,
): TypescriptLoader | undefined => {
  const sources = modules.filter((module) => TYPESCRIPT.test(module));
  const first = sources[0];
  if (first === undefined) return undefined;
  const own = loaderFrom(join(root, 'package.json'), resolve) ?? loaderFrom(pathOf(first), resolve);
  if (own !== undefined) return own;
  if (stripsTypes() && sources.every((module) => STRIPPABLE.test(module))) return undefined;
  const message = `is TypeScript, and neither Node ${process.versions.node} nor the application can load it: ${INSTALL_TSX}`;
  throw configError(pathOf(first), [{ path: '', message }]);
};

const INSTALL_TSX = 'run `npm install tsx` in the application, or name compiled JavaScript';

/** From now on this process loads TypeScript, when the file needs it and nothing else here does it. */
export const prepareToLoad = async (file: string, root: string): Promise<void> => {
  if (loadsTypescript()) return;
  const apis = typescriptLoader([file], root)?.apis ?? [];
  for (const api of apis) ((await import(api)) as { register(): unknown }).register();
  if (apis.length > 0) Object.assign(globalThis, { [PREPARED]: true });
};

/** @returns what may help when a file was not loaded and no tsx was there to do it; else nothing. */
export const tsxHint = (file: string): string =>
  TYPESCRIPT.test(file) && !loadsTypescript()
    ? ` (Node itself reads only a part of TypeScript, and no imports without extension: ${INSTALL_TSX})`
    : '';

const PREPARED = Symbol.for('@flamejs/typescript');

const loadsTypescript = (): boolean =>
  COMPILER in globalThis ||
  PREPARED in globalThis ||
  [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((option) => /\btsx\b/.test(option));

/** Whether this Node reads TypeScript by itself. */
export const stripsTypes = (): boolean => Boolean((process.features as { readonly typescript?: unknown }).typescript);

const loaderFrom = (from: string, resolve: Resolve): TypescriptLoader | undefined => {
  const forProcess = resolve(from, 'tsx');
  if (forProcess === undefined) return undefined;
  // `require` resolves to the CommonJS twins, which cannot register a loader for ES modules.
  const apis = ['tsx/cjs/api', 'tsx/esm/api'].flatMap((api) => {
    const file = resolve(from, api)?.replace(/\.cjs$/, '.mjs');
    return file === undefined ? [] : [pathToFileURL(file).href];
  });
  return { forProcess: pathToFileURL(forProcess).href, apis };
};

const pathOf = (module: string): string => (module.startsWith('file:') ? fileURLToPath(module) : module);

const resolveFrom: Resolve = (from, request) => {
  try {
    return createRequire(from).resolve(request);
  } catch {
    return undefined;
  }
};
