/**
 * Whether two functions under one name are one that was evaluated again, or two. One file may be evaluated many times: a
 * bundler puts it into several chunks, a loader loads it as ESM and as CommonJS, a test or a development server loads it
 * anew. Pure.
 */

export interface Definition {
  readonly handler: (...args: never) => unknown;
  /** File of the module that defined it, with its query; `undefined` when its stack does not say. */
  readonly source: string | undefined;
  /** Line and column there: a minified bundle has one line. */
  readonly position: string | undefined;
}

/** @param sameTurn no turn of the event loop lies between them: nobody can have edited the file */
export const isSameFunction = (known: Definition, again: Definition, sameTurn: boolean): boolean => {
  if (known.handler === again.handler) return true;
  if (!isSameFile(known, again)) return essence(known.handler) === essence(again.handler);
  return !sameTurn || known.source !== again.source || known.position === again.position;
};

const isSameFile = ({ source }: Definition, { source: other }: Definition): boolean =>
  source !== undefined && other !== undefined && withoutQuery(source) === withoutQuery(other);

const withoutQuery = (source: string): string => source.replace(/[?#].*$/, '');

/** A function's text without what compiling it twice may change: spaces, and the names that a minifier has given. */
const essence = (handler: Definition['handler']): string => {
  const text = Function.prototype.toString.call(handler);
  const minified = !READABLE.test(text);
  const names = new Map<string, string>();
  return text.replace(TOKEN, (whole, _quote, word: string | undefined) => {
    if (word === undefined) return whole.trim() === '' ? '' : whole;
    if (!minified || word.length > SHORT || KEYWORDS.has(word)) return ` ${word} `;
    const name = names.get(word) ?? `$${names.size}`;
    names.set(word, name);
    return ` ${name} `;
  });
};

const READABLE = /\n|=> |\) \{/;
/** Texts and templates as a whole, so that nothing in them is a name; names that are no properties; spaces. */
const TOKEN = /(["'`])(?:\\[\s\S]|(?!\1)[^\\])*\1|(?<![\w$.])([A-Za-z_$][\w$]*)|\s+/g;
/** Two chunks with the same function call the same thing by different names, as short as these. */
const SHORT = 2;
const KEYWORDS: ReadonlySet<string> = new Set(['if', 'in', 'of', 'do']);
