/** Modules of ids as files: from a path to the module that it is, and from a module to its file. */
import { realpathSync, statSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { isModulePath, parseFunctionId } from '@flamejs/protocol/function-id';

/**
 * @returns the module that an id names, relative to the application root; `undefined` when the id is hostile or malformed:
 * `..`, absolute, `file:` and other schemes, back slashes, control characters, `node_modules`, `__proto__`, no kind of file
 * that has functions, too long. Nothing is read from disk.
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
