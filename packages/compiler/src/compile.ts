/** A file from disk to JavaScript that Node runs: flame calls compiled, types taken off, source maps chained. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Declared } from './emit.ts';
import { FlameCompileError } from './errors.ts';
import { modulePath } from './identity.ts';
import { needsStripping } from './language.ts';
import { type ModuleFormat, moduleFormat } from './module-format.ts';
import { mentionsFlame } from './options.ts';
import { outsideRoot, type Problem } from './problems.ts';
import { openProject, type Project } from './project.ts';
import { findAppRoot } from './root.ts';
import { chain, priorMap, type RawMap, withoutMapComment } from './source-map.ts';
import { strip } from './strip.ts';
import { transform } from './transform.ts';

export interface Compiled {
  /** JavaScript, without a source map comment. */
  readonly code: string;
  /** From the code to what a person wrote, sources as file URLs; `undefined` when nothing was changed. */
  readonly map: RawMap | undefined;
  /** Functions that runners can be asked for, in the order of the source. */
  readonly functions: readonly Declared[];
  readonly warnings: readonly Problem[];
}

export interface CompileInput {
  readonly file: string;
  readonly code: string;
  readonly project: Project;
  readonly format: ModuleFormat;
  /** The process starts here. */
  readonly entry?: boolean;
}

/**
 * @throws FlameCompileError for flame calls that cannot be compiled, SyntaxError for TypeScript that does not parse.
 */
export function compileSource({ file, code, project, format, entry = false }: CompileInput): Compiled {
  const url = pathToFileURL(file).href;
  const module = modulePath(file, project.root);
  const input = { code, file, module: module ?? file, format, entry, options: project.options };
  const closures = transform(input);
  const strips = needsStripping(file);
  const maps: RawMap[] = [];
  let current = code;
  let warnings = closures?.warnings ?? [];
  if (closures !== undefined && module !== undefined) {
    current = closures.code;
    maps.unshift({ ...closures.map, version: 3, sources: [url] });
  } else if (closures !== undefined) warnings = [outsideRoot(firstCharacter)];
  if (strips) {
    const stripped = strip(file, current, project.typescript, format);
    current = stripped.code;
    maps.unshift({ ...stripped.map, sources: [url] });
  } else if (maps.length > 0) {
    const prior = priorMap(file, code);
    if (prior !== undefined) maps.push(prior);
  }
  return {
    code: maps.length > 0 ? withoutMapComment(current) : current,
    map: maps.length > 0 ? chain(maps) : undefined,
    functions: module === undefined ? [] : (closures?.functions ?? []),
    warnings,
  };
}

/**
 * Compiles one file.
 * @param path absolute, or relative to the root.
 * @param root of the application. Default: found from the file, see `findAppRoot`.
 * @throws what reading it throws, FlameCompileError, SyntaxError.
 */
export function compileFile(path: string, root?: string): Compiled {
  const { file, project } = locate(path, root);
  const code = readFileSync(file, 'utf8');
  return compileSource({ file, code, project, format: moduleFormat(file, code) });
}

/**
 * Whether a file has functions that a runner may be asked for. Nothing of the file runs, so a runner asks this before it
 * imports what a message names. `false` for a file outside the root, in node_modules, unreadable, or without flame calls.
 * @throws FlameCompileError when its flame calls cannot be compiled.
 */
export function declaresFlameFunctions(path: string, root?: string): boolean {
  const { file, project } = locate(path, root);
  const module = modulePath(file, project.root);
  if (module === undefined) return false;
  const code = read(file);
  if (code === undefined || !mentionsFlame(code, project.options)) return false;
  const compiled = transform({ code, file, module, options: project.options });
  return compiled !== undefined && compiled.functions.length > 0;
}

/**
 * Whether a file has something to compile. Files outside of the root count: they are warned about.
 * @returns `true` also for one whose flame calls are wrong, which compiling it says.
 */
export function hasFlameCalls(file: string, code: string, { root, options }: Project): boolean {
  try {
    return transform({ code, file, module: modulePath(file, root) ?? file, options }) !== undefined;
  } catch (error) {
    if (error instanceof FlameCompileError) return true;
    throw error;
  }
}

const firstCharacter = { type: 'EmptyStatement', start: 0, end: 1 } as const;

function locate(path: string, root: string | undefined): { readonly file: string; readonly project: Project } {
  const base = root ?? findAppRoot(dirname(resolve(path)));
  return { file: resolve(base, path), project: openProject(base) };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
