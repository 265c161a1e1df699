/** Finds what lets an executor load TypeScript: Node itself where it can, else the application's own `tsx`. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FlameConfigError } from '@flamejs/queue/internal';

const STRIPPABLE = /\.[mc]?ts$/;
const TYPESCRIPT = /\.([mc]?ts|tsx)$/;

export interface TypescriptLoader {
  /** For `node --import`: a process. */
  readonly forProcess: string;
  /** Modules with `register()`, in this order: for a thread, in which Node 20 ignores `--import`. */
  readonly forThread: readonly string[];
}

export type Resolve = (from: string, request: string) => string | undefined;

/**
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
  if (first === undefined || (stripsTypes() && sources.every((module) => STRIPPABLE.test(module)))) return undefined;
  // The application's own copy; failing that, one beside the module or beside this package.
  for (const from of [join(root, 'package.json'), pathOf(first), fileURLToPath(import.meta.url)]) {
    const forProcess = resolve(from, 'tsx');
    // `require` resolves to the CommonJS twins, which cannot register a loader for ES modules.
    const forThread = ['tsx/cjs/api', 'tsx/esm/api'].flatMap((api) => {
      const file = resolve(from, api)?.replace(/\.cjs$/, '.mjs');
      return file === undefined ? [] : [pathToFileURL(file).href];
    });
    if (forProcess !== undefined) return { forProcess: pathToFileURL(forProcess).href, forThread };
  }
  const message = `${pathOf(first)} is TypeScript, and neither Node ${process.versions.node} nor the application can load it`;
  throw new FlameConfigError(message, {
    problems: [{ path: 'functions', message }],
    advice: 'Run `npm install tsx` in the application, or let `functions` name compiled JavaScript.',
  });
};

const stripsTypes = (): boolean => Boolean((process.features as { readonly typescript?: unknown }).typescript);

const pathOf = (module: string): string => (module.startsWith('file:') ? fileURLToPath(module) : module);

const resolveFrom: Resolve = (from, request) => {
  try {
    return createRequire(from).resolve(request);
  } catch {
    return undefined;
  }
};
