/**
 * Ids of functions that the compiler has seen: `src/thumbs.ts#Thumbs.make/0@yYHLRAKsiIO1` (module, name, hash), or
 * `src/app.ts#=resizeImage` for a function passed by name. Made and checked here, for compiler, callers and runners alike. An
 * id that arrives from outside names a file to import, so it is refused unless it is exactly of the form that is written.
 */

export interface FunctionId {
  /** Path relative to the application root, with `/`. */
  readonly module: string;
  readonly name: string;
  /** Empty for a function passed by name. */
  readonly hash: string;
}

/** Longest path of a module, encoded, in UTF-16 units. What is longer cannot have ids. */
const MAX_MODULE = 1024;
/** Longest name in code points; what is longer is cut, and the hash still tells functions apart. */
const MAX_NAME = 200;
/** Longest id that is looked at: one of a megabyte must not reach a file system or a log. */
const MAX_LENGTH = 2048;

const NAME = String.raw`[\p{ID_Continue}$.#]+`;
const ID = new RegExp(String.raw`^([^#]+)#(=${NAME}|${NAME}(?:/\d{1,9})?@[\w-]{12})$`, 'u');

/**
 * @param parts names of what surrounds a function, outermost first: of functions, classes, variables, keys of objects. These
 * may be any text; what does not stay readable in a URL and a log line becomes `_`.
 * @returns the name for an id; empty when there are no parts.
 */
export const functionNameOf = (parts: readonly string[]): string =>
  [
    ...parts
      .filter((part) => part !== '')
      .join('.')
      .replace(/[^\p{ID_Continue}$.#]/gu, '_'),
  ]
    .slice(0, MAX_NAME)
    .join('');

/** @returns the id, for a module that `isModulePath` and a name of `functionNameOf`. */
export const formatFunctionId = ({ module, name, hash }: FunctionId): string =>
  `${encodeModule(module)}#${name}${hash === '' ? '' : `@${hash}`}`;

/** @returns the parts of an id; `undefined` for anything that `formatFunctionId` would not write. Nothing is read from disk. */
export function parseFunctionId(id: string): FunctionId | undefined {
  // Names that people give mostly have none, and the expression costs more than a small function.
  if (typeof id !== 'string' || id.length > MAX_LENGTH || !id.includes('#')) return undefined;
  const [, path, rest] = ID.exec(id) ?? [];
  if (path === undefined || rest === undefined) return undefined;
  const module = decodeModule(path);
  if (module === undefined || !isModulePath(module)) return undefined;
  if (rest.startsWith('=')) return { module, name: rest, hash: '' };
  const at = rest.lastIndexOf('@');
  return { module, name: rest.slice(0, at), hash: rest.slice(at + 1) };
}

/** Kinds of file that have functions: JavaScript and TypeScript, and components that a bundler turns into such. */
const MODULE_FILE = /\.(?:[cm]?[jt]s|[jt]sx|vue|svelte|astro|mdx)$/;
const FORBIDDEN_PARTS: ReadonlySet<string> = new Set(['', '.', '..', 'node_modules', '__proto__']);

/**
 * Whether ids can name a module: a relative path with `/`, without `.` and `..`, schemes, back slashes and control characters,
 * not in `node_modules`. Every other character that a file's name may have is fine.
 */
export function isModulePath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (encodeModule(path).length > MAX_MODULE || /[\x00-\x1f\x7f\\]|^[a-z][a-z\d+.-]*:|^\//i.test(path)) return false;
  if (path.split('/').some((part) => FORBIDDEN_PARTS.has(part))) return false;
  return MODULE_FILE.test(path) && !/\.d\.[cm]?ts$/.test(path);
}

const encodeModule = (module: string): string => module.replaceAll('%', '%25').replaceAll('#', '%23');

function decodeModule(path: string): string | undefined {
  if (/%(?!25|23)/.test(path)) return undefined;
  return path.replaceAll('%23', '#').replaceAll('%25', '%');
}
