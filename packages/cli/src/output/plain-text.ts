/** Texts of calls on a terminal: what would move its cursor, colour it or ring its bell is shown instead of obeyed. */

/** @returns one line, control characters as `\x1b` */
export const oneLine = (text: string): string => plainText(joinLines(text)).replaceAll('\t', ' ');

/** Not by one pattern with spaces on both sides of the break: that looks at a long run of spaces once for each of them. */
const joinLines = (text: string): string => {
  const [first = '', ...rest] = text.split(/[\r\n]+/);
  if (rest.length === 0) return first;
  return [first.trimEnd(), ...rest.map((line) => line.trim())].filter((line, i) => i === 0 || line !== '').join(' ');
};

/** @returns the text with its line breaks and tabs, every other control character as `\x1b` */
export const plainText = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
