/** User output becomes lines in a terminal, a job log and a web page: one line stays one line, and plain text. */

/** Longest line in characters; a longer one is cut into several. */
export const MAX_LINE_LENGTH = 8192;

// Everything that could move a cursor, end a line or turn the direction of text; tabs are harmless.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** @returns the line with control characters written as `\x1b`, `\r`, `\u2028`. */
export const escapeLine = (line: string): string => line.replace(UNSAFE, escapeCharacter);

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\f': '\\f', '\v': '\\v', '\b': '\\b' };

const escapeCharacter = (character: string): string => {
  const known = named[character];
  if (known !== undefined) return known;
  const code = character.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
};
