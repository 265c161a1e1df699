/**
 * The walk that writes tagged JSON. Strict by default: what cannot travel is refused with the path to it. Tags of what holds
 * other values are generators, driven by a stack of our own: how deep a value may be does not depend on what is left of the
 * engine's, which the caller shares.
 */
import { FlameError } from '../errors/index.ts';
import type { SecretBox } from '../payload/secret-box.ts';
import { packPayload } from './frame.ts';
import { INLINE_BYTES, MAX_BIGINT_DIGITS, MAX_DEPTH, maxValuesOf, tooDeep, tooMany } from './limits.ts';
import { enumerableSymbol } from './own-keys.ts';
import { formatPath, type Place, type Segment } from './path.ts';
import { codecError, describeRefusal, extraProperty } from './refusal.ts';
import { bigintTag, isHugeBigInt, numberTag, undefinedTag } from './tags/primitives.ts';
import { tagOf } from './tags/table.ts';
import type { Encoder, Json, Node, Writing } from './types.ts';
import { isStackOverflow, writeJson } from './write-json.ts';

export interface EncodedTree {
  readonly tree: Json;
  readonly parts: readonly Uint8Array[];
  /** Bytes that the payload has at least. */
  readonly size: number;
  /** The largest single value, when one stands out. */
  readonly largest: { readonly path: string; readonly size: number } | undefined;
  /** Paths of what was left out, in lenient mode. */
  readonly dropped: readonly string[];
}

export interface TreeOptions {
  readonly root: string;
  /** Bytes that the payload may have: they bound the number of values. */
  readonly limit: number;
  /** Leave out what cannot travel, and everything past this many bytes, and list it. */
  readonly lenientBytes?: number;
  readonly secrets?: SecretBox | undefined;
}

/** An object that is being written. */
interface Frame {
  writing: Writing | undefined;
  readonly value: object;
  /** Its number. */
  readonly own: number;
  /** Length of the path that leads to it. */
  readonly reached: number;
}

/** @throws FlameCodecError with the path, unless lenient. */
export function encodeTree(value: unknown, options: TreeOptions): EncodedTree {
  const { root, limit, lenientBytes, secrets } = options;
  const maxValues = maxValuesOf(limit);
  const lenient = lenientBytes !== undefined;
  const path: Segment[] = [];
  const parts: Uint8Array[] = [];
  const dropped: string[] = [];
  /** Number of each object, in the order in which the reader meets them. */
  const numbers = new Map<object, number>();
  const closed = new Set<object>();
  /** Objects that are being written, outermost first. */
  const open: Frame[] = [];
  /** JSON of what was asked for last, unless its writing has just begun. */
  let answer: Json | undefined;
  let nodes = 0;
  let size = 0;
  /** Not even a small value fits any more. */
  let full = false;
  let largest: EncodedTree['largest'];

  const here = (): string => formatPath(root, path);

  /** @returns whether there is room; only a lenient encoder ever has none, a strict one reports the whole size. */
  const charge = (bytes: number): boolean => {
    if (lenient && size + bytes > lenientBytes) {
      if (bytes <= SMALL_BYTES) full = true;
      return false;
    }
    size += bytes;
    if (bytes >= NOTABLE_BYTES && bytes > (largest?.size ?? 0)) largest = { path: here(), size: bytes };
    return true;
  };

  const drop = (at?: string | Place): Json => {
    if (dropped.length < MAX_DROPPED) dropped.push(at === undefined ? here() : formatPath(root, [...path, at]));
    charge(UNDEFINED_BYTES);
    return undefinedTag.encode(undefined);
  };

  const refuse: Encoder['refuse'] = (what, advice, at) => {
    if (lenient) return drop(at);
    throw codecError(at === undefined ? here() : formatPath(root, [...path, at]), what, advice);
  };

  const encodePrimitive = (value: unknown): Json => {
    switch (typeof value) {
      case 'string':
        return charge(value.length + 2) ? value : drop();
      case 'number':
        charge(1);
        return Number.isFinite(value) && !Object.is(value, -0) ? value : numberTag.encode(value);
      case 'boolean':
        return value;
      case 'undefined':
        return undefinedTag.encode(value);
      case 'bigint': {
        if (isHugeBigInt(value)) {
          return refuse(
            `is a BigInt of more than ${MAX_BIGINT_DIGITS.toLocaleString('en-US')} digits`,
            'Send its bytes.',
          );
        }
        const node = bigintTag.encode(value);
        return charge(String(node.v).length + 20) ? node : drop();
      }
      default: {
        const { what, advice } = describeRefusal(value);
        return refuse(what, advice);
      }
    }
  };

  /** @returns the node of an object that holds no others; of one that does, begins the writing. */
  const beginObject = (value: object): Json | undefined => {
    const number = numbers.get(value);
    if (number !== undefined) {
      if (!closed.has(value)) return { $: 'ref', v: number };
      return refuse('refers back to a registered class whose data it is part of', 'Let its `to` leave that out.');
    }
    const tag = tagOf(value);
    if (tag === undefined) {
      const { what, advice } = describeRefusal(value);
      return refuse(what, advice);
    }
    if (tag.bare === true) {
      const extra = Object.keys(value)[0] ?? enumerableSymbol(value)?.toString();
      if (extra !== undefined) return refuse(extraProperty.what, extraProperty.advice, extra);
    }
    if (open.length >= MAX_DEPTH) {
      if (lenient) return drop();
      throw tooDeep(here());
    }
    if (!charge(2)) return drop();
    const frame: Frame = { writing: undefined, value, own: numbers.size, reached: path.length };
    numbers.set(value, frame.own);
    if (tag.write !== undefined) {
      frame.writing = tag.write(value, encoder);
      open.push(frame);
      return undefined;
    }
    try {
      return tag.encode(value, encoder);
    } catch (error) {
      return forgive(error, frame);
    }
  };

  /** Fakes and throwing methods fail before their first child, so their number was not yet followed by another. */
  const forgive = (error: unknown, { value, own, reached }: Frame): Json => {
    if (!lenient || numbers.size !== own + 1) throw error;
    numbers.delete(value);
    path.length = reached;
    return drop();
  };

  const begin = (value: unknown): Json | undefined => {
    nodes += 1;
    if (nodes > maxValues) {
      if (lenient) return drop();
      throw tooMany(here(), limit);
    }
    return typeof value === 'object' && value !== null
      ? beginObject(value)
      : value === null
        ? null
        : encodePrimitive(value);
  };

  const encodeValue = (outermost: unknown): Json => {
    answer = begin(outermost);
    for (let frame = open.at(-1); frame !== undefined; frame = open.at(-1)) {
      try {
        path.length = frame.reached;
        // What was asked for is either here already, or its writing is the one on top, which is not given anything.
        const step = (frame.writing as Writing).next(answer as Json);
        if (step.done !== true) continue;
        answer = step.value;
      } catch (error) {
        answer = forgive(error, frame);
      }
      open.pop();
    }
    return answer as Json;
  };

  /** @returns `undefined` when its writing has begun; `path` then goes on leading to it. */
  const ask = (value: unknown): Json | undefined => {
    const before = open.length;
    answer = begin(value);
    if (open.length === before) path.pop();
    return answer;
  };

  const encoder: Encoder = {
    put(value, segment) {
      path.push(segment);
      return ask(value);
    },
    copy(source, property) {
      path.push(property);
      if (typeof property === 'string') charge(property.length + 3);
      let value: unknown;
      try {
        value = Reflect.get(source, property);
      } catch (error) {
        if (!lenient) throw error;
        const json = drop();
        path.pop();
        return json;
      }
      return ask(value);
    },
    text(text, property) {
      path.push(property);
      const kept = lenient && text.length > LENIENT_TEXT ? cut(text) : text;
      if (kept !== text) drop();
      const fits = charge(kept.length + 2);
      path.pop();
      return fits ? kept : kept.slice(0, 256);
    },
    bytes(view): Node {
      if (view.byteLength <= INLINE_BYTES && charge(Math.ceil(view.byteLength / 3) * 4)) {
        const text = Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');
        return { n: view.byteLength, b: text };
      }
      if (!charge(view.byteLength)) {
        drop();
        return { n: 0, b: '' };
      }
      parts.push(view);
      return { n: view.byteLength, p: parts.length - 1 };
    },
    refuse,
    secrets,
    frame(value) {
      const inner = encodeTree(value, { root: here(), limit, secrets });
      return packPayload({ json: writeJson(inner.tree), parts: inner.parts });
    },
    isFull() {
      if (full && dropped.length < MAX_DROPPED) dropped.push(`${here()} from here on`);
      return full;
    },
    close: (value) => void closed.add(value),
    reopen: (value) => void closed.delete(value),
  };

  try {
    return { tree: encodeValue(value), parts, size, largest, dropped };
  } catch (error) {
    if (error instanceof FlameError) throw error;
    throw isStackOverflow(error)
      ? codecError(
          here(),
          'needed more of the call stack than is left',
          'Look for a getter, or a caller, that recurses.',
          error,
        )
      : codecError(here(), 'threw while it was read', 'Send a plain copy of the data.', error);
  }
}

/** Values below this are not worth naming when the whole is too large. */
const NOTABLE_BYTES = 1024;
const MAX_DROPPED = 20;
/** A lenient encoder that has no room for this much stops at the current item. */
const SMALL_BYTES = 64;
const UNDEFINED_BYTES = 14;
/** Characters of one message or stack that a lenient encoder keeps. */
const LENIENT_TEXT = 8192;

const cut = (text: string): string => `${text.slice(0, LENIENT_TEXT)}… (${text.length - LENIENT_TEXT} more characters)`;
