/**
 * Values of calls as JSON that people can read: dates, bytes, maps, classes and cycles become texts, whatever is long is
 * cut, and what looks like a secret by its name is left out. Never throws.
 */
import { types } from 'node:util';
import { isSecretName, redactText } from '@flamejs/protocol/redact-text';
import { isSecret } from '@flamejs/protocol/secret';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface PresentLimits {
  readonly nodes: number;
  readonly depth: number;
  /** Characters of one text. */
  readonly text: number;
  /** Characters of all texts together. */
  readonly characters: number;
}

export const PAGE_LIMITS: PresentLimits = { nodes: 5_000, depth: 12, text: 20_000, characters: 1_000_000 };
export const LIST_LIMITS: PresentLimits = { nodes: 30, depth: 4, text: 120, characters: 2_000 };

/** @returns the value as JSON, and whether something was left out for its size. */
export const present = (value: unknown, limits: PresentLimits): { readonly value: Json; readonly cut: boolean } => {
  let nodes = 0;
  let characters = 0;
  let cut = false;
  const path = new Set<object>();

  const text = (long: string): string => {
    const most = Math.min(limits.text, limits.characters - characters);
    characters += Math.min(long.length, most);
    if (long.length <= most) return redactText(long);
    cut = true;
    return `${redactText(long.slice(0, most))}… (${long.length.toLocaleString('en-US')} characters)`;
  };

  const show = (item: unknown, depth: number): Json => {
    nodes += 1;
    switch (typeof item) {
      case 'string':
        return text(item);
      case 'number':
        return Number.isFinite(item) && !Object.is(item, -0) ? item : Object.is(item, -0) ? '-0' : String(item);
      case 'boolean':
        return item;
      case 'undefined':
        return '(undefined)';
      case 'object':
        return item === null ? null : object(item, depth + 1);
      case 'bigint':
        return text(`${item}n`);
      default:
        return `(${typeof item})`;
    }
  };

  const object = (item: object, depth: number): Json => {
    if (path.has(item)) return '(circular)';
    if (isSecret(item)) return String(item);
    const brief = scalarText(item);
    if (brief !== undefined) return text(brief);
    if (depth > limits.depth) {
      cut = true;
      return Array.isArray(item) ? '[…]' : '{…}';
    }
    path.add(item);
    try {
      if (Array.isArray(item)) return list(item, depth);
      if (item instanceof Set) return { [`Set(${item.size})`]: list([...item], depth) };
      if (item instanceof Map) return { [`Map(${item.size})`]: list([...item].map(withoutSecret), depth) };
      if (item instanceof Error) return { [item.name]: text(item.message), ...fields(item, depth) };
      const name: unknown = Object.getPrototypeOf(item)?.constructor?.name;
      const shown = fields(item, depth);
      return typeof name === 'string' && name !== 'Object' ? { [name]: shown } : shown;
    } finally {
      path.delete(item);
    }
  };

  const list = (items: readonly unknown[], depth: number): Json[] => {
    const shown: Json[] = [];
    for (const item of items) {
      if (nodes >= limits.nodes) {
        cut = true;
        shown.push(`… ${(items.length - shown.length).toLocaleString('en-US')} more`);
        break;
      }
      shown.push(show(item, depth));
    }
    return shown;
  };

  const fields = (item: object, depth: number): { [key: string]: Json } => {
    // Without a prototype a field named __proto__ is a field.
    const shown: { [key: string]: Json } = Object.create(null);
    const keys = Object.keys(item);
    for (const [i, key] of keys.entries()) {
      if (nodes >= limits.nodes) {
        cut = true;
        shown['…'] = `${(keys.length - i).toLocaleString('en-US')} more`;
        break;
      }
      const value = (item as Record<string, unknown>)[key];
      shown[text(key)] = isSecretName(key, value) ? REDACTED : show(value, depth);
    }
    return shown;
  };

  try {
    return { value: show(value, 0), cut };
  } catch (error) {
    return { value: `(cannot be shown: ${error instanceof Error ? error.message : String(error)})`, cut: true };
  }
};

const REDACTED = '[redacted]';

/** An entry of a Map, whose key may name a secret as well as a field's can. */
const withoutSecret = ([key, value]: readonly [unknown, unknown]): readonly unknown[] =>
  typeof key === 'string' && isSecretName(key, value) ? [key, REDACTED] : [key, value];

const scalarText = (item: object): string | undefined => {
  if (item instanceof Date) return Number.isNaN(item.getTime()) ? 'Date(invalid)' : item.toISOString();
  if (item instanceof RegExp || item instanceof URL) return String(item);
  if (types.isBoxedPrimitive(item)) return String(item);
  if (ArrayBuffer.isView(item) || types.isAnyArrayBuffer(item)) {
    const name = Buffer.isBuffer(item) ? 'Buffer' : item.constructor.name;
    return `(${name}, ${item.byteLength.toLocaleString('en-US')} bytes)`;
  }
  return undefined;
};
