/**
 * Finds and loads an application's flame.config, for processes that are not the application itself. It has an entry of its
 * own, `@flamejs/queue/load-config`: what a bundler of the application sees must import nothing by a computed name.
 */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { configError, FlameConfigError } from '@flamejs/protocol/errors/input-errors';
import { adoptConfig, type Config } from './define-config.ts';
import type { ConfigInput } from './input.ts';
import { prepareToLoad, stripsTypes, tsxHint } from './typescript-loader.ts';

export interface LoadConfigOptions {
  /** The file itself. Default: FLAME_CONFIG, else the nearest flame.config.{ts,mts,js,mjs} from `cwd` upwards, in each folder or its `src`. */
  readonly file?: string | undefined;
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * @returns the parsed configuration, with the file's folder as `root`.
 * @throws FlameConfigError when there is none, it cannot be loaded, or it has problems.
 */
export const loadConfig = async (options: LoadConfigOptions = {}): Promise<Config> => {
  const { cwd = process.cwd(), env = process.env } = options;
  const named = options.file ?? (env.FLAME_CONFIG || undefined);
  const file = named === undefined ? findConfig(cwd) : resolve(cwd, named);
  if (!existsSync(file)) throw configError(file, [{ path: '', message: 'there is no such file' }]);
  return adoptConfig(await exportOf(file), file, env);
};

const TYPESCRIPT = ['flame.config.ts', 'flame.config.mts'];
const JAVASCRIPT = ['flame.config.js', 'flame.config.mjs'];

const findConfig = (cwd: string): string => {
  // Beside its own compiled form, TypeScript is second choice where Node cannot read it.
  const names = stripsTypes() ? [...TYPESCRIPT, ...JAVASCRIPT] : [...JAVASCRIPT, ...TYPESCRIPT];
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    // Where all sources stand in `src`, the config does too.
    const found = ['', 'src']
      .flatMap((inner) => names.map((name) => join(folder, inner, name)))
      .find((file) => existsSync(file));
    if (found !== undefined) return found;
    if (folder === dirname(folder)) break;
  }
  const message = `no flame.config.ts (or .mts, .js, .mjs) in ${resolve(cwd)} or above: create one with \`npx flamejs init\`, or name it with --config or FLAME_CONFIG`;
  throw configError('flame.config', [{ path: '', message }]);
};

const exportOf = async (file: string): Promise<ConfigInput | Config> => {
  let module: unknown;
  try {
    module = await importFile(file);
  } catch (cause) {
    if (cause instanceof FlameConfigError) throw cause;
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw configError(file, [{ path: '', message: `could not be loaded: ${reason}${tsxHint(file)}` }], { cause });
  }
  let exported = await defaultOf(module);
  // CommonJS that was compiled from `export default`.
  if (typeof exported === 'object' && exported !== null && '__esModule' in exported)
    exported = await defaultOf(exported);
  if (typeof exported === 'object' && exported !== null) return exported as ConfigInput;
  throw configError(file, [{ path: '', message: 'expected `export default defineConfig({ … })`' }]);
};

const defaultOf = async (module: unknown): Promise<unknown> => (module as { default?: unknown }).default;

const importFile = async (file: string): Promise<unknown> => {
  await prepareToLoad(file, dirname(file));
  return await import(pathToFileURL(file).href);
};

export { prepareToLoad, type TypescriptLoader, typescriptLoader } from './typescript-loader.ts';
