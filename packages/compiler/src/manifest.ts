/**
 * What a build leaves for runners: which file of the output registers which functions. A runner that has a manifest imports
 * nothing else on a message's behalf.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { docsOf } from '@flamejs/protocol/errors/docs';
import { parseFunctionId } from '@flamejs/protocol/function-id';
import type { Declared } from './emit.ts';

export const MANIFEST_NAME = 'flame-manifest.json';
const VERSION = 1;

export interface ManifestModule {
  /** Absolute path of the file to import. */
  readonly file: string;
  readonly functions: readonly Declared[];
}

export interface Manifest {
  /** Names the build: what was given, else a digest of the output. */
  readonly release: string;
  /** By path of the source relative to the application root, as ids contain it. */
  readonly modules: ReadonlyMap<string, ManifestModule>;
  /** Entries that were left out, one sentence each: calls of their functions are refused, all others run. */
  readonly skipped: readonly string[];
}

/** A manifest is missing, damaged, or of another version. Build again with the plugin, or correct the path. */
export class FlameManifestError extends Error {
  readonly code = 'FLAME_ERR_MANIFEST';
  /** The page about this error. */
  readonly docs = docsOf('FLAME_ERR_MANIFEST');
  override readonly name = 'FlameManifestError';
}

/**
 * An entry that cannot be used, and one that leads out of the manifest's own folder, is skipped and said so.
 * @throws FlameManifestError when nothing of the file can be used.
 */
export function readManifest(path: string): Manifest {
  const folder = dirname(resolve(path));
  const fail = (what: string, cause?: unknown): never => {
    throw new FlameManifestError(`${path}: ${what}; build again with the Flame plugin`, { cause });
  };
  const value = parse(path, fail);
  if (!isRecord(value) || value.version !== VERSION) return fail(`expected a manifest of version ${VERSION}`);
  if (typeof value.release !== 'string' || !isRecord(value.modules)) return fail('`release` or `modules` is missing');
  const modules = new Map<string, ManifestModule>();
  const skipped: string[] = [];
  const skip = (what: string): void => {
    skipped.push(`${path}: ${what}; it is skipped, build again with the Flame plugin`);
  };
  for (const [module, entry] of Object.entries(value.modules)) {
    if (!isRecord(entry) || typeof entry.file !== 'string' || !Array.isArray(entry.functions)) {
      skip(`module "${module}" is not { file, functions }`);
      continue;
    }
    const file = resolve(folder, entry.file);
    if (!isInside(file, folder)) {
      skip(`module "${module}" names a file outside the manifest's folder`);
      continue;
    }
    const functions: Declared[] = [];
    for (const each of entry.functions) {
      if (isDeclared(each) && parseFunctionId(each.id)?.module === module) functions.push(each);
      else skip(`module "${module}" has a function that is damaged, ${JSON.stringify(each)?.slice(0, 200)}`);
    }
    modules.set(module, { file, functions });
  }
  return { release: value.release, modules, skipped };
}

/**
 * @returns the file to import before a function can be found; `undefined` when the build has no such module, and for ids
 * that no compiler wrote.
 */
export function fileOfFunction({ modules }: Manifest, id: string): string | undefined {
  const module = parseFunctionId(id)?.module;
  return module === undefined ? undefined : modules.get(module)?.file;
}

/** @param folder that the manifest will stand in. @returns the text of the manifest, the same for the same build. */
export function formatManifest({ release, modules }: Omit<Manifest, 'skipped'>, folder: string): string {
  const entries = [...modules].sort(([a], [b]) => (a < b ? -1 : 1));
  const shown = entries.map(([module, { file, functions }]) => {
    return [module, { file: relative(folder, file).split(sep).join('/'), functions }] as const;
  });
  return `${JSON.stringify({ version: VERSION, release, modules: Object.fromEntries(shown) }, null, 2)}\n`;
}

/** @returns twelve hexadecimal digits that change with any byte of the output. */
export function digestOf(files: Iterable<readonly [name: string, content: string | Uint8Array]>): string {
  const hash = createHash('sha256');
  for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\0`).update(content).update('\0');
  }
  return hash.digest('hex').slice(0, 12);
}

function parse(path: string, fail: (what: string, cause?: unknown) => never): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return fail(error instanceof SyntaxError ? 'not JSON' : 'cannot be read', error);
  }
}

function isInside(file: string, folder: string): boolean {
  const path = relative(folder, file);
  return path !== '' && !isAbsolute(path) && path.split(sep)[0] !== '..';
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isDeclared = (value: unknown): value is Declared =>
  isRecord(value) &&
  typeof value.id === 'string' &&
  typeof value.name === 'string' &&
  typeof value.line === 'number' &&
  Array.isArray(value.captures) &&
  value.captures.every((name) => typeof name === 'string');
