/**
 * What a payload may cost, both ways. Every figure is checked before the memory that it bounds is taken: nothing is ever
 * allocated by a length that only stands in the payload.
 */
import { codecError } from './refusal.ts';

/** Bytes of a payload, JSON and parts together, unless the caller says otherwise: 16 MiB. */
export const DEFAULT_LIMIT = 16 * 1024 * 1024;
/** Containers inside containers. */
export const MAX_DEPTH = 1000;
/** Values in one payload, whatever its limit in bytes; a typed array counts as one. */
const LEAST_MAX_VALUES = 1_000_000;
/** A decoded value takes about 64 bytes of memory: this ratio bounds a payload to eight times its limit. */
const BYTES_PER_VALUE = 8;
/** Digits of one BigInt; parsing them takes more than linear time. */
export const MAX_BIGINT_DIGITS = 4096;
/** Characters of one regular expression's source. */
export const MAX_PATTERN = 65_536;
/** Bytes up to which binary data stands in the JSON as base64; what is larger becomes a part of its own. */
export const INLINE_BYTES = 512;

/** Brackets of JSON text inside each other: the costliest tag, a Map, needs three for one level of values. */
const MAX_TEXT_DEPTH = 3 * MAX_DEPTH + 8;
/** Opening brackets and commas in JSON text, for each value. It bounds what `JSON.parse` can build: at most about 64 bytes for each. */
const TEXT_NODES_PER_VALUE = 3;

/** @returns how many values a payload of at most so many bytes may hold: one for each 8 bytes, and never less than a million. */
export const maxValuesOf = (limit: number): number => Math.max(LEAST_MAX_VALUES, Math.floor(limit / BYTES_PER_VALUE));

const QUOTE = 34;
const COMMA = 44;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/**
 * Bounds the nesting and the number of values of JSON text before it is parsed. Text that is no JSON may pass: parsing it
 * fails anyway.
 * @param tagged whether the text has tags, which nest deeper than the values that they stand for
 * @param limit bytes of a payload
 */
export function checkText(json: string, tagged: boolean, limit: number): void {
  if (json.length <= 2 * MAX_DEPTH) return;
  const maxDepth = tagged ? MAX_TEXT_DEPTH : MAX_DEPTH;
  let depth = 0;
  let nodes = 0;
  for (let i = 0; i < json.length; i += 1) {
    const char = json.charCodeAt(i);
    if (char === QUOTE) i = endOfString(json, i + 1);
    else if (char === COMMA) nodes += 1;
    else if (char === OPEN_ARRAY || char === OPEN_OBJECT) {
      nodes += 1;
      depth += 1;
      if (depth > maxDepth) throw tooDeep('');
    } else if (char === CLOSE_ARRAY || char === CLOSE_OBJECT) depth -= 1;
  }
  if (nodes > TEXT_NODES_PER_VALUE * maxValuesOf(limit)) throw tooMany('', limit);
}

export const tooDeep = (path: string) =>
  codecError(
    path,
    `is nested more than ${MAX_DEPTH.toLocaleString('en-US')} levels deep`,
    'Flatten it: send a list whose items name their parents.',
  );

export const tooMany = (path: string, limit: number) =>
  codecError(
    path,
    `holds more than ${maxValuesOf(limit).toLocaleString('en-US')} values, the most at a \`payloadLimit\` of ${limit.toLocaleString('en-US')} bytes`,
    'Send a table as a typed array for each column, as bytes (CSV, Arrow) or as a stream of rows, or raise `payloadLimit` (docs/values.md).',
  );

/** @returns the index of the closing quote, or the length when there is none. */
function endOfString(json: string, from: number): number {
  // Most strings are short: a loop beats the call of indexOf for them.
  const near = Math.min(json.length, from + 32);
  let i = from;
  while (i < near) {
    const char = json.charCodeAt(i);
    if (char === QUOTE) return i;
    i += char === BACKSLASH ? 2 : 1;
  }
  for (;;) {
    const quote = json.indexOf('"', i);
    if (quote === -1) return json.length;
    let slashes = 0;
    while (quote - slashes > i && json.charCodeAt(quote - slashes - 1) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote;
    i = quote + 1;
  }
}
