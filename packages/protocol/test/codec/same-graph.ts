/** Equality that also asks for identity: what was one object must be one object again, and what were two, two. */
import assert from 'node:assert/strict';

/** Asserts deep equality with prototypes, and that both graphs share and cycle in the same places. */
export function assertSameGraph(actual: unknown, expected: unknown): void {
  assert.deepStrictEqual(actual, expected);
  const partner = new Map<object, object>();
  const taken = new Set<object>();
  const walk = (a: unknown, b: unknown, path: string): void => {
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return;
    const known = partner.get(b);
    if (known !== undefined) {
      assert.equal(a === known, true, `${path}: an object that was shared is not shared any more`);
      return;
    }
    assert.equal(taken.has(a), false, `${path}: two objects became one`);
    partner.set(b, a);
    taken.add(a);
    if (ArrayBuffer.isView(a)) return;
    const [left, right] = [children(a), children(b)];
    left.forEach(([key, child], index) => {
      walk(child, right[index]?.[1], `${path}.${key}`);
    });
  };
  walk(actual, expected, 'value');
}

function children(object: object): [string, unknown][] {
  const list: [string, unknown][] = [];
  if (object instanceof Map) for (const [key, value] of object) list.push(['key', key], ['value', value]);
  if (object instanceof Set) for (const value of object) list.push(['member', value]);
  if (object instanceof Error) list.push(['cause', object.cause]);
  // Not Object.entries of everything: a string object has a key for each character.
  for (const key of Object.keys(object)) list.push([key, Reflect.get(object, key)]);
  return list;
}
