/** Credentials by their names: what is shown, logged and stored for people leaves their values out. */

const NAMES = [
  'passw(?:or)?d',
  'passphrase',
  'pwd',
  'secret',
  'token',
  'api[-_]?key',
  'access[-_]?key',
  'private[-_]?key',
  'signing[-_]?key',
  'encryption[-_]?key',
  'authorization',
  'cookie',
  'credential',
  'session[-_]?id',
  'bearer',
  'jwt',
].join('|');

const SECRET = new RegExp(NAMES, 'i');
/** Language models count tokens; those are no credentials. */
const COUNT = /tokens|token[-_]?(?:count|limit|usage)/i;

/** Whether a field of that name holds a credential, most likely. */
export const isSecretName = (name: string, value?: unknown): boolean =>
  SECRET.test(name) && !(COUNT.test(name) && (typeof value === 'number' || value === undefined || value === null));

// What a function prints passes here, on the thread that runs its neighbours: each pattern looks at a character a bounded number of times.

/** `//user:password@host`: only the password, the rest says which server is meant. */
const IN_URL = /(\/\/[^\s/:@"'<>]{0,200}:)[^\s/@"'<>]{1,500}(?=@)/g;
const SCHEME = /\b(bearer|basic)(\s+)[A-Za-z0-9._~+/-]{8,}=*/gi;
/** A header has several values on its line. */
const COOKIES = /(cookie\\?["']?\s{0,8}[:=]\s{0,8})[^"'\r\n\\]+/gi;
/** `name: value`, `name=value`, `"name": "value"`; the value in quotes, or up to the next separator. */
const PAIR = new RegExp(
  `((?:${NAMES})[\\w.-]{0,64}\\\\?["']?\\s{0,8}[:=]\\s{0,8})(\\\\?"(?:[^"\\\\]|\\\\[^"])*\\\\?"?|'[^']*'?|[^\\s,;&"'}\\])]+)`,
  'gi',
);

const REDACTED = '[redacted]';

/**
 * @returns the text without the values of what looks like credentials: in URLs, after `Bearer`, and behind names such as
 * `password`. A safety net for what people print; a value without such a name beside it is not found.
 */
export const redactText = (text: string): string => {
  if (!LIKELY.test(text) && !(text.includes('//') && text.includes('@'))) return text;
  return text
    .replace(IN_URL, `$1${REDACTED}`)
    .replace(SCHEME, `$1$2${REDACTED}`)
    .replace(COOKIES, `$1${REDACTED}`)
    .replace(PAIR, (whole, name: string, value: string) =>
      isHarmless(name, value) ? whole : `${name}${quoted(value)}`,
    );
};

/** Most lines hold nothing of the kind. */
const LIKELY = new RegExp(`${NAMES}|basic\\s`, 'i');

const isHarmless = (name: string, value: string): boolean =>
  value.startsWith('[redacted') || value.startsWith('[secret') || (COUNT.test(name) && /^\d+$/.test(value));

const quoted = (value: string): string => {
  const quote = /^\\?["']/.exec(value)?.[0] ?? '';
  return `${quote}${REDACTED}${quote}`;
};
