/** Reads of tsconfig.json what changes the meaning of code, and where import paths lead. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { upwards } from './root.ts';

export interface TypeScriptSettings {
  /** `undefined` when tsconfig.json says nothing: a file may then decide by a `@jsx` comment, else it is automatic. */
  readonly jsx: 'automatic' | 'classic' | undefined;
  readonly jsxImportSource: string | undefined;
  readonly jsxFactory: string | undefined;
  readonly jsxFragmentFactory: string | undefined;
  /** `experimentalDecorators`. */
  readonly legacyDecorators: boolean;
  readonly emitDecoratorMetadata: boolean;
  /** `useDefineForClassFields: false`: fields are assigned, and those without a value are dropped. */
  readonly assignFields: boolean;
  /** `verbatimModuleSyntax`: only imports that say `type` disappear. */
  readonly keepImports: boolean;
  /** Import paths that `paths` sends into the application: `@app/`. */
  readonly aliases: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** Longest chain of `extends` that is followed; a cycle must end. */
const MAX_EXTENDS = 20;

/** @returns the settings of the nearest tsconfig.json at or above a folder; TypeScript's defaults without one. */
export function readTypeScriptSettings(folder: string): TypeScriptSettings {
  const file = [...upwards(folder)].map((each) => join(each, 'tsconfig.json')).find((each) => existsSync(each));
  const options = file === undefined ? {} : compilerOptions(file, 0);
  const text = (key: string): string | undefined => {
    const value = options[key];
    return typeof value === 'string' ? value : undefined;
  };
  const legacyDecorators = options.experimentalDecorators === true;
  return {
    jsx: runtimeOf(text('jsx'), text('jsxImportSource')),
    jsxImportSource: text('jsxImportSource'),
    jsxFactory: text('jsxFactory'),
    jsxFragmentFactory: text('jsxFragmentFactory'),
    legacyDecorators,
    emitDecoratorMetadata: legacyDecorators && options.emitDecoratorMetadata === true,
    assignFields: options.useDefineForClassFields === false,
    keepImports: options.verbatimModuleSyntax === true,
    aliases: aliasesOf(options.paths),
  };
}

function runtimeOf(jsx: string | undefined, importSource: string | undefined): TypeScriptSettings['jsx'] {
  if (jsx === 'react') return 'classic';
  return jsx?.startsWith('react-jsx') || importSource !== undefined ? 'automatic' : undefined;
}

/** What `compilerOptions` comes to, with `extends` merged as TypeScript does: later and nearer wins. */
function compilerOptions(file: string, depth: number): Json {
  const config = parseJsonc(file);
  const own = isRecord(config.compilerOptions) ? config.compilerOptions : {};
  if (depth >= MAX_EXTENDS) return own;
  const bases = (Array.isArray(config.extends) ? config.extends : [config.extends]).filter(
    (base) => typeof base === 'string',
  );
  const inherited = bases.map((base) => {
    const found = locateBase(String(base), file);
    return found === undefined ? {} : compilerOptions(found, depth + 1);
  });
  return Object.assign({}, ...inherited, own);
}

function locateBase(base: string, from: string): string | undefined {
  if (/^[./]/.test(base)) {
    const path = resolve(dirname(from), base);
    return [path, `${path}.json`].find((each) => existsSync(each) && each.endsWith('.json'));
  }
  const { resolve: find } = createRequire(from);
  for (const name of [base, `${base}.json`, `${base}/tsconfig.json`]) {
    try {
      return find(name);
    } catch {
      // Not under this name; TypeScript tries the next one, too.
    }
  }
  return undefined;
}

/** @returns an empty object for a file that is no JSON with comments: TypeScript itself reports that better. */
function parseJsonc(file: string): Json {
  const strings = '"(?:\\\\.|[^"\\\\])*"';
  const without = (text: string, pattern: string): string =>
    text.replace(new RegExp(`${strings}|${pattern}`, 'g'), (match) => (match.startsWith('"') ? match : ''));
  try {
    const bare = without(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''), '//[^\\n]*|/\\*[\\s\\S]*?\\*/');
    const value: unknown = JSON.parse(without(bare, ',(?=\\s*[}\\]])'));
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

function aliasesOf(paths: unknown): readonly string[] {
  if (!isRecord(paths)) return [];
  return Object.keys(paths)
    .map((pattern) => pattern.replace(/\*.*$/, ''))
    .filter((prefix) => prefix !== '');
}

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
