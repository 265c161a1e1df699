/** The closed table: every kind of object that can travel, by prototype for the way out and by name for the way in. */
import { types } from 'node:util';
import { isSecret } from '../../secret.ts';
import { classOfPrototype } from '../registry.ts';
import type { Reader, Tag } from '../types.ts';
import { arrayBufferTag, bufferTag, dataViewTag, typedArrayTags } from './binary.ts';
import { readInstance, writeInstance } from './classes.ts';
import { arrayTag, mapTag, nullObjectTag, objectTag, setTag } from './collections.ts';
import { domExceptionTag, errorTag } from './errors.ts';
import { bigintTag, numberTag, undefinedTag } from './primitives.ts';
import { secretTag } from './secret.ts';
import { boxedPrototypes, boxTag, dateTag, regexpTag, searchParamsTag, urlTag } from './text.ts';

const byPrototype: ReadonlyMap<unknown, Tag> = new Map<unknown, Tag>([
  [Object.prototype, objectTag],
  [null, nullObjectTag],
  entry(Array.prototype, arrayTag),
  entry(Date.prototype, dateTag),
  entry(RegExp.prototype, regexpTag),
  entry(Map.prototype, mapTag),
  entry(Set.prototype, setTag),
  entry(URL.prototype, urlTag),
  entry(URLSearchParams.prototype, searchParamsTag),
  entry(DOMException.prototype, domExceptionTag),
  entry(Buffer.prototype, bufferTag),
  entry(DataView.prototype, dataViewTag),
  entry(ArrayBuffer.prototype, arrayBufferTag),
  ...typedArrayTags,
  ...boxedPrototypes.map((prototype) => [prototype, boxTag] as const),
]);

/** What a node's `$` may be, beside `ref`. */
export const readers: ReadonlyMap<unknown, Reader> = new Map<unknown, Reader>([
  ...[undefinedTag, numberTag, bigintTag, ...byPrototype.values(), errorTag, secretTag].map(
    (tag) => [tag.name, tag] as const,
  ),
  ['Class', { read: readInstance }],
]);

/** @returns how to write the object, `undefined` when it cannot be sent. */
export function tagOf(value: object): Tag | undefined {
  if (types.isProxy(value)) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  const known = byPrototype.get(prototype);
  if (known !== undefined) return known;
  if (typeof prototype !== 'object' || prototype === null) return undefined;
  const registered = classOfPrototype(prototype);
  if (registered !== undefined) {
    return { name: registered.name, write: writeInstance(registered), read: readInstance };
  }
  if (types.isNativeError(value) || value instanceof Error) return errorTag;
  if (isSecret(value)) return secretTag;
  return foreignTag(prototype) ?? emptyPrototypeTag(prototype);
}

/**
 * Built-in objects of another realm, as test runners that use `node:vm` make them. They arrive as objects of the
 * reader's own realm.
 */
function foreignTag(prototype: object): Tag | undefined {
  const ctor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof ctor !== 'function' || !/\[native code\]\s*\}$/.test(Function.prototype.toString.call(ctor)))
    return undefined;
  return foreignTags.get(ctor.name);
}

/**
 * Data whose prototype adds nothing, as parsers of query strings and routers make it for speed (`Empty.prototype =
 * Object.create(null)`): nothing is lost when it arrives without that prototype.
 */
function emptyPrototypeTag(prototype: object): Tag | undefined {
  let at: unknown = prototype;
  while (typeof at === 'object' && at !== null && at !== Object.prototype) {
    if (types.isProxy(at) || Reflect.ownKeys(at).length > 0) return undefined;
    at = Object.getPrototypeOf(at);
  }
  return at === null ? nullObjectTag : at === Object.prototype ? objectTag : undefined;
}

const foreignTags: ReadonlyMap<string, Tag> = new Map<string, Tag>([
  ['Object', objectTag],
  ...[arrayTag, dateTag, regexpTag, mapTag, setTag, dataViewTag, arrayBufferTag].map(named),
  ...typedArrayTags.map(([, tag]) => named(tag)),
]);

function named(tag: Tag): readonly [string, Tag] {
  return [tag.name, tag];
}

/** A tag's `encode` checks that what it gets is what its prototype says, or fails on it. */
function entry<T extends object>(prototype: T, tag: Tag<T>): readonly [unknown, Tag] {
  return [prototype, tag as unknown as Tag];
}
