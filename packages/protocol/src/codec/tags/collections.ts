/** Map, Set, and the objects and arrays that cannot stand in JSON as they are. */
import { countField, listField, optionalList, pairOf, setOwn } from '../fields.ts';
import { ownKeys, refuseSymbols, sparseKeys } from '../own-keys.ts';
import { badPayload } from '../refusal.ts';
import type { Decoder, Encoder, Json, TreeTag } from '../types.ts';

export const mapTag: TreeTag<Map<unknown, unknown>> = {
  name: 'Map',
  bare: true,
  *write(value, encoder) {
    const pairs: Json[] = [];
    let index = 0;
    for (const [key, item] of Map.prototype.entries.call(value) as MapIterator<[unknown, unknown]>) {
      if (encoder.isFull()) break;
      const keyJson = encoder.put(key, { of: 'key', at: index }) ?? (yield);
      pairs.push([keyJson, encoder.put(item, { of: 'get', at: key }) ?? (yield)]);
      index += 1;
    }
    return { $: 'Map', v: pairs };
  },
  *read(node, decoder) {
    const map = decoder.keep(new Map<unknown, unknown>());
    for (const item of listField(node, 'v')) {
      const [key, value] = pairOf(item, 'Map');
      map.set(decoder.value(key) ?? (yield), decoder.value(value) ?? (yield));
    }
    return map;
  },
};

export const setTag: TreeTag<Set<unknown>> = {
  name: 'Set',
  bare: true,
  *write(value, encoder) {
    const items: Json[] = [];
    for (const item of Set.prototype.values.call(value) as SetIterator<unknown>) {
      if (encoder.isFull()) break;
      items.push(encoder.put(item, { of: 'member', at: items.length }) ?? (yield));
    }
    return { $: 'Set', v: items };
  },
  *read(node, decoder) {
    const set = decoder.keep(new Set<unknown>());
    for (const item of listField(node, 'v')) set.add(decoder.value(item) ?? (yield));
    return set;
  },
};

/** A plain object; as `[key, value]` pairs when a key of its own is `$`, which marks a tag. */
export const objectTag: TreeTag = {
  name: 'Obj',
  *write(value, encoder) {
    const keys = ownKeys(value, encoder);
    if (keys.includes('$')) return { $: 'Obj', v: yield* pairsOf(value, keys, encoder) };
    const node: Json = {};
    for (const key of keys) {
      if (encoder.isFull()) break;
      setOwn(node, key, encoder.copy(value, key) ?? (yield));
    }
    return node;
  },
  *read(node, decoder) {
    const object = decoder.keep({});
    yield* setPairs(object, listField(node, 'v'), decoder);
    return object;
  },
};

export const nullObjectTag: TreeTag = {
  name: 'NullObj',
  *write(value, encoder) {
    return { $: 'NullObj', v: yield* pairsOf(value, ownKeys(value, encoder), encoder) };
  },
  *read(node, decoder) {
    const object = decoder.keep(Object.create(null) as object);
    yield* setPairs(object, listField(node, 'v'), decoder);
    return object;
  },
};

/** An array; as its length, `[index, value]` pairs and named properties when it has holes or such properties. */
export const arrayTag: TreeTag<unknown[]> = {
  name: 'Array',
  *write(value, encoder) {
    if (!Array.isArray(value)) {
      return encoder.refuse('is no array, although its prototype says so', 'Send a real array: `Array.from(it)`.');
    }
    refuseSymbols(value, encoder);
    const sparse = sparseKeys(value);
    if (sparse !== undefined) {
      const node: Json = { $: 'Array', n: value.length, v: yield* pairsOf(value, sparse.indices, encoder) };
      if (sparse.names.length > 0) node.x = yield* pairsOf(value, sparse.names, encoder);
      return node;
    }
    const items: Json[] = [];
    for (let i = 0; i < value.length && !encoder.isFull(); i += 1) items[i] = encoder.copy(value, i) ?? (yield);
    return items;
  },
  *read(node, decoder) {
    const length = countField(node, 'n', 2 ** 32 - 1);
    const array = decoder.keep<unknown[]>([]);
    const items = listField(node, 'v');
    let next = 0;
    setLength(array, length, items.length);
    for (const item of items) {
      const [index, value] = pairOf(item, 'Array');
      if (typeof index !== 'number' || !Number.isInteger(index) || index < next || index >= length) {
        throw badPayload('an index of an Array is out of place');
      }
      array[index] = decoder.value(value) ?? (yield);
      next = index + 1;
    }
    for (const item of optionalList(node, 'x')) {
      const [name, value] = pairOf(item, 'Array');
      // An index or a length among the names would change what was just set up.
      if (typeof name !== 'string' || name === 'length' || isIndex(name))
        throw badPayload('a name of an Array is no name');
      setOwn(array, name, decoder.value(value) ?? (yield));
    }
    return array;
  },
};

/**
 * Assigning a `length` allocates it. Past what the items account for, a property with unusual attributes makes the
 * engine store the array as a table first; then a length costs nothing.
 */
function setLength(array: unknown[], length: number, items: number): void {
  if (length > 2 * items + 8) {
    Object.defineProperty(array, length - 1, { value: undefined, writable: false, configurable: true });
    delete array[length - 1];
  }
  array.length = length;
}

const isIndex = (name: string): boolean => String(Number(name) >>> 0) === name;

export function* pairsOf(
  source: object,
  keys: readonly (string | number)[],
  encoder: Encoder,
): Generator<undefined, Json[], Json> {
  const pairs: Json[] = [];
  for (const key of keys) {
    if (encoder.isFull()) break;
    pairs.push([key, encoder.copy(source, key) ?? (yield)]);
  }
  return pairs;
}

function* setPairs(target: object, pairs: Json[], decoder: Decoder): Generator<undefined, void, unknown> {
  for (const item of pairs) {
    const [key, value] = pairOf(item, 'Obj');
    if (typeof key !== 'string') throw badPayload('a key of an Obj is no text');
    setOwn(target, key, decoder.value(value) ?? (yield));
  }
}
