/**
 * Ids of functions: `src/thumbs.ts#Thumbs.make/0@yYHLRAKsiIO1` (module, name, hash), or `src/app.ts#=resizeImage` for a
 * function passed by name. An id that arrives from outside names a file to import, so it is refused unless it is exactly
 * of the form that this compiler writes.
 */
import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { languageOf } from './language.ts';

export interface FunctionId {
  /** Path relative to the application root, with `/`. */
  readonly module: string;
  readonly name: string;
  /** Empty for a function passed by name. */
  readonly hash: string;
}

/** Longest id that is looked at. Real ones have tens of characters; a name of a megabyte must not reach a file system or a log. */
const MAX_LENGTH = 1024;

export const functionId = ({ module, name, hash }: FunctionId): string =>
  `${encodeModule(module)}#${name}${hash === '' ? '' : `@${hash}`}`;

/** @returns the parts of an id; `undefined` for anything that this compiler would not write. */
export function parseFunctionId(id: string): FunctionId | undefined {
  if (typeof id !== 'string' || id.length > MAX_LENGTH) return undefined;
  const match = /^([^#]+)#(=[\p{ID_Continue}$.]+|[\p{ID_Continue}$.#]+(?:\/\d{1,6})?@[\w-]{12})$/u.exec(id);
  const [, path, rest] = match ?? [];
  if (path === undefined || rest === undefined) return undefined;
  const module = decodeModule(path);
  if (module === undefined || !isModulePath(module)) return undefined;
  if (rest.startsWith('=')) return { module, name: rest, hash: '' };
  const at = rest.lastIndexOf('@');
  return { module, name: rest.slice(0, at), hash: rest.slice(at + 1) };
}

/**
 * @returns the module that an id names, relative to the application root; `undefined` when the id is hostile or malformed:
 * `..`, absolute, `file:` and other schemes, back slashes, control characters, `node_modules`, `__proto__`, not a JavaScript
 * or TypeScript file, over 1,024 characters. Nothing is read from disk.
 */
export const moduleOfId = (id: string): string | undefined => parseFunctionId(id)?.module;

/** @returns a file's path relative to the root, as ids contain it; `undefined` outside the root and in `node_modules`. */
export function modulePath(file: string, root: string): string | undefined {
  const path = relative(root, file).split(sep).join('/');
  return isModulePath(path) ? path : undefined;
}

/**
 * The file of a module, for a runner that loads by path (development). Links are followed before the comparison.
 * @returns its absolute path; `undefined` when there is no such file, or it lies outside the root.
 */
export function resolveModule(module: string, root: string): string | undefined {
  if (!isModulePath(module)) return undefined;
  try {
    const base = realpathSync(root);
    const file = realpathSync(resolve(base, module));
    return modulePath(file, base) !== undefined && statSync(file).isFile() ? file : undefined;
  } catch {
    // Not there, or not readable: either way this process has no such module, which is what `undefined` says.
    return undefined;
  }
}

const FORBIDDEN_PARTS: ReadonlySet<string> = new Set(['', '.', '..', 'node_modules', '__proto__']);

function isModulePath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (path.length > MAX_LENGTH || /[\x00-\x1f\x7f\\]|^[a-z][a-z\d+.-]*:/i.test(path) || isAbsolute(path)) return false;
  return !path.split('/').some((part) => FORBIDDEN_PARTS.has(part)) && languageOf(path) !== undefined;
}

const encodeModule = (module: string): string => module.replaceAll('%', '%25').replaceAll('#', '%23');

function decodeModule(path: string): string | undefined {
  if (/%(?!25|23)/.test(path)) return undefined;
  return path.replaceAll('%23', '#').replaceAll('%25', '%');
}
