/** What an error may tell a client: no stack lines, and of a file its name alone, without the folders of the machine. */

/** A line of a stack, also one inside of JSON text, where its line break is escaped. */
const STACK_LINE = /(?:^|\r?\n|\\n)[ \t]+at (?:[^\n\\"]|\\(?!n))*/g;
/** Absolute paths, as URLs too; a path of a web address or a relative one is none. */
const POSIX_PATH = /(?<![\w:/.@~-])(?:file:\/\/)?\/(?:[^\s/:'"`(),]+\/)+([^\s/:'"`(),]*)/g;
const WINDOWS_PATH = /(?<!\w)(?:file:\/\/\/)?[A-Za-z]:[\\/](?:[^\s\\/:'"`(),]+[\\/])+([^\s\\/:'"`(),]*)/g;

export const publicText = (text: string): string =>
  text.replace(STACK_LINE, '').replace(WINDOWS_PATH, '$1').replace(POSIX_PATH, '$1');

/** The same for the texts in data. What is no plain data stays: it is no text. */
export const publicData = (value: unknown, depth = 4): unknown => {
  if (typeof value === 'string') return publicText(value);
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  if (Array.isArray(value)) return value.map((item) => publicData(item, depth - 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, publicData(item, depth - 1)]));
};
