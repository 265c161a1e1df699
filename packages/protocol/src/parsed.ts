/** What a parser says of one value, so that a caller can collect several problems before it throws. */

/** The value, or why it is none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

export const yes = <T>(value: T): Parsed<T> => ({ ok: true, value });

export const no = (message: string): { readonly ok: false; readonly message: string } => ({ ok: false, message });

export const mapParsed = <A, B>(parsed: Parsed<A>, fn: (value: A) => B): Parsed<B> =>
  parsed.ok ? yes(fn(parsed.value)) : parsed;

/** @returns a rejected value for a message: short, and never the content of an object, which may be secret. */
export const show = (value: unknown): string => {
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
};
