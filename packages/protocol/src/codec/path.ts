/** Where a value stands inside an argument or a result, in the notation that a programmer would use to reach it. */

/** A place in a collection that has no key: how to name it. */
export interface Place {
  readonly of: 'get' | 'key' | 'member';
  readonly at: unknown;
}
/** A property's name, an index, or a place in a Map or Set. */
export type Segment = string | number | Place;

const MAX_SEGMENTS = 24;
const MAX_NAME = 80;

/** @returns e.g. `argument[0].user.socket`, `result.get("a").items[3]`; the middle of a very long path is left out. */
export function formatPath(root: string, segments: readonly Segment[]): string {
  if (segments.length <= MAX_SEGMENTS) return root + segments.map(formatSegment).join('');
  const half = MAX_SEGMENTS / 2;
  const [head, tail] = [segments.slice(0, half), segments.slice(-half)];
  return `${root}${head.map(formatSegment).join('')}…${tail.map(formatSegment).join('')}`;
}

function formatSegment(segment: Segment): string {
  if (typeof segment === 'number') return `[${segment}]`;
  if (typeof segment === 'string')
    return /^[A-Za-z_$][\w$]{0,79}$/.test(segment) ? `.${segment}` : `[${name(segment)}]`;
  if (segment.of === 'get') return `.get(${name(segment.at)})`;
  return `.<${segment.of} ${String(segment.at)}>`;
}

function name(key: unknown): string {
  // JSON also escapes control characters, which must not reach a log as they are.
  if (typeof key === 'string') return JSON.stringify(key.length > MAX_NAME ? `${key.slice(0, MAX_NAME)}…` : key);
  if (typeof key === 'object' && key !== null) return 'an object';
  return typeof key === 'bigint' ? 'a bigint' : String(key);
}
