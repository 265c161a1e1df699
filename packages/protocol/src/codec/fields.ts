/** Reading the fields of a node from outside: each is checked for its type, and inherited ones do not count. */
import { badPayload } from './refusal.ts';
import type { Json, Node } from './types.ts';

export function field(node: Node, key: string): Json | undefined {
  return Object.hasOwn(node, key) ? node[key] : undefined;
}

export function textField(node: Node, key: string): string {
  const value = field(node, key);
  if (typeof value !== 'string') throw wrongField(node, key, 'text');
  return value;
}

export function optionalText(node: Node, key: string): string | undefined {
  return Object.hasOwn(node, key) ? textField(node, key) : undefined;
}

export function listField(node: Node, key: string): Json[] {
  const value = field(node, key);
  if (!Array.isArray(value)) throw wrongField(node, key, 'a list');
  return value;
}

export function optionalList(node: Node, key: string): Json[] {
  return Object.hasOwn(node, key) ? listField(node, key) : [];
}

/** A whole number from 0 to `max`. */
export function countField(node: Node, key: string, max: number): number {
  const value = field(node, key);
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
    throw wrongField(node, key, `a whole number from 0 to ${max}`);
  }
  return value;
}

/** An item of a list that must be a pair. */
export function pairOf(item: Json, tag: string): readonly [Json, Json] {
  if (Array.isArray(item) && item.length === 2) return item as [Json, Json];
  throw badPayload(`an item of a ${tag} is no pair`);
}

/**
 * Sets an own enumerable property, whatever it is called. Assigning to a name that is inherited could run a setter
 * (`__proto__`), or fail where prototypes are frozen.
 */
export function setOwn(target: object, key: string, value: unknown): void {
  if (key in target) {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    (target as Record<string, unknown>)[key] = value;
  }
}

export function setHidden(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: false, configurable: true });
}

function wrongField(node: Node, key: string, wanted: string) {
  return badPayload(`field "${key}" of a ${String(node.$).slice(0, 40)} must be ${wanted}`);
}
