/**
 * Whether `JSON.stringify` keeps a value whole: only JSON types, no identity to lose, no key that marks a tag. Most
 * values are like this, and then cost no more than JSON. Says no when in doubt; the encoder then looks closer and says why.
 */
import { types } from 'node:util';
import { MAX_DEPTH, MAX_NODES } from './limits.ts';
import { enumerableSymbol, hasNames } from './own-keys.ts';

/** @param limit bytes; a value that is sure to need more is not plain, so that no giant string is made of it */
export function isPlain(value: unknown, limit: number): boolean {
  const seen = new Set<object>();
  let size = 0;
  let nodes = 0;

  const plain = (item: unknown, depth: number): boolean => {
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
        return item === null || plainObject(item, depth + 1);
      default:
        return false;
    }
  };

  const plainObject = (item: object, depth: number): boolean => {
    // A second visit is a shared reference or a cycle: both need identity.
    if (types.isProxy(item) || depth > MAX_DEPTH || seen.has(item)) return false;
    seen.add(item);
    const prototype: unknown = Object.getPrototypeOf(item);
    if (prototype === Array.prototype && Array.isArray(item)) return plainItems(item, depth);
    return prototype === Object.prototype && plainEntries(item as Record<string, unknown>, depth);
  };

  const plainItems = (items: readonly unknown[], depth: number): boolean => {
    nodes += items.length;
    if (nodes > MAX_NODES) return false;
    // A hole reads as undefined, which is not plain either.
    for (let i = 0; i < items.length; i += 1) if (!plain(items[i], depth)) return false;
    return !hasNames(items) && enumerableSymbol(items) === undefined;
  };

  const plainEntries = (object: Record<string, unknown>, depth: number): boolean => {
    // Much faster than Object.keys, and the same while nothing enumerable is inherited.
    for (const key in object) {
      size += key.length + 3;
      nodes += 1;
      if (key === '$' || nodes > MAX_NODES || !plain(object[key], depth)) return false;
    }
    return enumerableSymbol(object) === undefined;
  };

  if (Object.keys(Object.prototype).length > 0) return false;
  try {
    return plain(value, 0);
  } catch {
    // A getter threw, or the stack is nearly used up: the encoder meets it again and reports it with its path.
    return false;
  }
}
