/** What of a tsconfig.json decides how modules import each other. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, normalize, resolve } from 'node:path';

export interface Compiler {
  /** Its modules are Node's: `node16`, `node18`, `node20`, `nodenext`. */
  readonly isNode: boolean;
  /** CommonJS modules may import ES modules statically, as Node itself allows since 20.19. */
  readonly requiresEsm: boolean;
  readonly verbatim: boolean;
  /** Modules are imported as `./name.ts`. */
  readonly importsTs: boolean;
  /** The folder beside that of the tsconfig which holds all sources; `undefined` for no bound. */
  readonly rootDir: string | undefined;
}

type Options = Readonly<Record<string, unknown>>;

/** A file that is not there, or cannot be read, is one without options. */
export const readCompiler = (file: string): Compiler => {
  const options = readOptions(file);
  const module = String(options.module ?? '').toLowerCase();
  const rootDir = typeof options.rootDir === 'string' ? normalize(`${options.rootDir}/`).replace(/\/+$/, '') : '.';
  return {
    isNode: /^node/.test(module),
    requiresEsm: module === 'nodenext' || module === 'node20',
    verbatim: options.verbatimModuleSyntax === true,
    importsTs: options.allowImportingTsExtensions === true || options.rewriteRelativeImportExtensions === true,
    rootDir: rootDir === '.' || rootDir === '' || rootDir.startsWith('..') ? undefined : rootDir,
  };
};

/** Those of the files that it extends come first. Deeper than ten, somebody has made a ring. */
const readOptions = (file: string, depth = 0): Options => {
  try {
    const { compilerOptions = {}, extends: bases = [] } = JSON.parse(plainJson(readFileSync(file, 'utf8'))) as {
      compilerOptions?: Options;
      extends?: string | readonly string[];
    };
    const inherited = depth > 10 ? [] : [bases].flat().map((base) => readOptions(locate(base, file), depth + 1));
    return Object.assign({}, ...inherited, compilerOptions);
  } catch {
    return {};
  }
};

const locate = (base: string, from: string): string => {
  if (!base.startsWith('.'))
    return createRequire(from).resolve(base.endsWith('.json') ? base : join(base, 'tsconfig.json'));
  const file = resolve(dirname(from), base);
  return file.endsWith('.json') ? file : `${file}.json`;
};

/** Without comments and trailing commas, which a tsconfig may have. Strings, in which either may stand, are kept. */
const plainJson = (text: string): string =>
  text
    .replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, string: string | undefined) => string ?? '')
    .replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, (_, string: string | undefined) => string ?? '');
