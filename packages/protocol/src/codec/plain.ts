/**
 * Whether `JSON.stringify` keeps a value whole: only JSON types, no identity to lose, no key that marks a tag. Most
 * values are like this, and then cost no more than JSON. Says no when in doubt; the encoder then looks closer and says why.
 */
import { types } from 'node:util';
import { MAX_DEPTH, maxValuesOf } from './limits.ts';
import { enumerableSymbol, hasNames } from './own-keys.ts';

/** @param limit bytes; a value that is sure to need more is not plain, so that no giant string is made of it */
export function isPlain(value: unknown, limit: number): boolean {
  const maxValues = maxValuesOf(limit);
  const seen = new Set<object>();
  /** Containers whose items are still to be looked at, and how deep each stands. Not the engine's stack: its caller may have used that up. */
  const open: object[] = [];
  const depths: number[] = [];
  let depth = 0;
  let size = 0;
  let nodes = 0;

  const plain = (item: unknown): boolean => {
    switch (typeof item) {
      case 'string':
        size += item.length + 1;
        return size <= limit;
      case 'number':
        size += 1;
        return Number.isFinite(item) && !Object.is(item, -0);
      case 'boolean':
        return true;
      case 'object':
        return item === null || plainObject(item);
      default:
        return false;
    }
  };

  const plainObject = (item: object): boolean => {
    // A second visit is a shared reference or a cycle: both need identity.
    if (types.isProxy(item) || depth >= MAX_DEPTH || seen.has(item)) return false;
    const prototype: unknown = Object.getPrototypeOf(item);
    if (prototype !== Object.prototype && !(prototype === Array.prototype && Array.isArray(item))) return false;
    seen.add(item);
    open.push(item);
    depths.push(depth + 1);
    return true;
  };

  const plainItems = (items: readonly unknown[]): boolean => {
    nodes += items.length;
    if (nodes > maxValues) return false;
    // A hole reads as undefined, which is not plain either.
    for (let i = 0; i < items.length; i += 1) if (!plain(items[i])) return false;
    return !hasNames(items) && enumerableSymbol(items) === undefined;
  };

  const plainEntries = (object: Record<string, unknown>): boolean => {
    // Much faster than Object.keys, and the same while nothing enumerable is inherited.
    for (const key in object) {
      size += key.length + 3;
      nodes += 1;
      if (key === '$' || nodes > maxValues || !plain(object[key])) return false;
    }
    return enumerableSymbol(object) === undefined;
  };

  if (Object.keys(Object.prototype).length > 0) return false;
  try {
    if (!plain(value)) return false;
    for (let item = open.pop(); item !== undefined; item = open.pop()) {
      depth = depths.pop() ?? 0;
      if (!(Array.isArray(item) ? plainItems(item) : plainEntries(item as Record<string, unknown>))) return false;
    }
    return true;
  } catch {
    // A getter threw: the encoder meets it again and reports it with its path.
    return false;
  }
}
