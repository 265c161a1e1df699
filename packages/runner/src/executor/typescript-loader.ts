/** Finds what lets an executor load TypeScript: Node itself where it can, else the application's own `tsx`. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FlameConfigError } from '@flamejs/queue/internal';

const STRIPPABLE = /\.[mc]?ts$/;
const TYPESCRIPT = /\.([mc]?ts|tsx)$/;

/**
 * @param modules absolute paths or `file:` URLs.
 * @param resolve finds `tsx` from a file.
 * @returns options of node that are needed beside `execArgv`.
 * @throws FlameConfigError when a module is TypeScript and nothing here can load it; the message says what to install.
 */
export const typescriptArgv = (
  modules: readonly string[],
  root: string,
  execArgv: readonly string[],
  resolve: (from: string) => string | undefined = resolveFrom,
): readonly string[] => {
  const sources = modules.filter((module) => TYPESCRIPT.test(module));
  const first = sources[0];
  if (first === undefined || execArgv.some((option) => /\btsx\b/.test(option))) return [];
  if (stripsTypes() && sources.every((module) => STRIPPABLE.test(module))) return [];
  // The application's own copy; failing that, one beside the module or beside this package.
  for (const from of [join(root, 'package.json'), pathOf(first), fileURLToPath(import.meta.url)]) {
    const loader = resolve(from);
    if (loader !== undefined) return ['--import', pathToFileURL(loader).href];
  }
  const message = `${pathOf(first)} is TypeScript, and neither Node ${process.versions.node} nor the application can load it`;
  throw new FlameConfigError(message, {
    problems: [{ path: 'functions', message }],
    advice: 'Run `npm install tsx` in the application, or let `functions` name compiled JavaScript.',
  });
};

const stripsTypes = (): boolean => Boolean((process.features as { readonly typescript?: unknown }).typescript);

const pathOf = (module: string): string => (module.startsWith('file:') ? fileURLToPath(module) : module);

const resolveFrom = (file: string): string | undefined => {
  try {
    return createRequire(file).resolve('tsx');
  } catch {
    return undefined;
  }
};
