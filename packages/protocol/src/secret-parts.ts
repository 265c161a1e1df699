/**
 * Recognises a secret, and what of it opens as much as the whole, in texts that others can read: a variable, a tag, a word of a
 * command. One recogniser for whoever keeps secrets away from executors, machines and pages. Pure.
 */

/** A shorter part stands in too many innocent texts; it is recognised as a whole value all the same. */
const LEAST_PART = 8;

/**
 * @param secret a key, a password, a URL, or a list of keys (`name:key`, with commas or spaces between them)
 * @returns each text by which somebody could reach what it protects, also as URLs write it. A URL without a password is no
 *   secret: it says where something is
 */
export const partsOfSecret = (secret: string): readonly string[] => {
  const parts = isAddress(secret) ? passwordsOf(secret) : [secret, ...keysOf(secret)];
  return [...new Set(parts.flatMap((part) => [part, encodeURIComponent(part), decoded(part)]))].filter(
    (part) => part !== '',
  );
};

/** @returns whether the text is one of the parts, or contains a long one, plain or as URLs write it. */
export const holdsSecret = (text: string, parts: readonly string[]): boolean =>
  parts.some(
    (part) =>
      text === part || (part.length >= LEAST_PART && (text.includes(part) || text.includes(encodeURIComponent(part)))),
  );

const isAddress = (text: string): boolean => text.includes('://') && URL.canParse(text);

const passwordsOf = (url: string): readonly string[] => {
  const { password, searchParams } = new URL(url);
  const found = [password, searchParams.get('password') ?? ''].filter((each) => each !== '');
  return found.length === 0 ? [] : [url, ...found];
};

/** A short one would make a secret of a number behind any colon. */
const keysOf = (list: string): readonly string[] =>
  list
    .split(/[\s,]+/)
    .flatMap((entry) => (entry.includes(':') ? [entry.slice(entry.indexOf(':') + 1)] : []))
    .filter((key) => key.length >= LEAST_PART);

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
