/** Which own properties a value has: what has no place on the wire must be refused, not lost without a word. */
import { inspect } from 'node:util';
import type { Encoder } from './types.ts';

/** @returns the enumerable own keys; refuses symbols among them. */
export function ownKeys(value: object, encoder: Encoder): string[] {
  refuseSymbols(value, encoder);
  return Object.keys(value);
}

export function refuseSymbols(value: object, encoder: Encoder): void {
  const symbol = enumerableSymbol(value);
  if (symbol === undefined) return;
  encoder.refuse(
    `has the symbol ${String(symbol)} as a key, which cannot be sent to another machine`,
    'Use a string as the key, or make the property non-enumerable to leave it here.',
  );
}

export function enumerableSymbol(value: object): symbol | undefined {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length === 0
    ? undefined
    : symbols.find((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol));
}

/** @returns `undefined` for an array that JSON can hold: no holes, no names. Time does not depend on the length of holes. */
export function sparseKeys(array: readonly unknown[]): { indices: number[]; names: string[] } | undefined {
  if (isDense(array) && !hasNames(array)) return undefined;
  const indices: number[] = [];
  const names: string[] = [];
  for (const key of Object.keys(array)) {
    const index = Number(key);
    if (index < array.length && String(index >>> 0) === key) indices.push(index);
    else names.push(key);
  }
  return { indices, names };
}

/** Whether a dense array has own properties beside its items, such as the `index` of a match. */
export function hasNames(array: readonly unknown[]): boolean {
  if (array.length <= LISTABLE) return Object.keys(array).length !== array.length;
  // Listing the keys of a large array makes a string of every index (250 ms for a million). The inspector can leave
  // indices out; what it prints for an array without names is known, and anything else is looked at in full.
  const printed = inspect(array, { maxArrayLength: 0, depth: 0, customInspect: false, getters: false });
  if (printed === `[ ... ${array.length} more items ]`) return false;
  return Object.keys(array).length !== array.length;
}

const LISTABLE = 128;

function isDense(array: readonly unknown[]): boolean {
  for (let i = 0; i < array.length; i += 1) if (array[i] === undefined && !Object.hasOwn(array, i)) return false;
  return true;
}
