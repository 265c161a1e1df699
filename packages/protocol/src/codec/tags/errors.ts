/**
 * Errors keep class name, message, stack, cause, `errors` and own properties. The class is rebuilt from a closed table
 * (built-in, Flame's, registered) and no constructor runs; an error of an unknown class becomes one of its nearest known
 * ancestor, with the name of its own.
 */
import { optionalList, optionalText, pairOf, setHidden, setOwn, textField } from '../fields.ts';
import { refuseSymbols } from '../own-keys.ts';
import { badPayload } from '../refusal.ts';
import { errorNameOf, errorPrototype } from '../registry.ts';
import type { Decoder, Encoder, Json, Node, Tag } from '../types.ts';

/** Own properties that constructors make non-enumerable, in the order in which they are written. */
const HIDDEN = ['cause', 'errors', 'error', 'suppressed'] as const;

export const errorTag: Tag<Error> = {
  name: 'Error',
  encode(value, encoder) {
    const { own, known } = classNames(value);
    const node: Json = { $: 'Error', c: own };
    if (known !== own) node.b = known;
    const name = readText(value, 'name');
    if (name !== undefined && name !== own) node.n = encoder.text(name, 'name');
    encodeBody(node, value, encoder, 'own');
    return node;
  },
  decode(node, decoder) {
    const own = textField(node, 'c');
    const known = optionalText(node, 'b') ?? own;
    const prototype = errorPrototype(own) ?? errorPrototype(known) ?? Error.prototype;
    const message = optionalText(node, 'm');
    const error = decoder.keep(withoutTrace(() => new Error(message ?? '')));
    if (message === undefined) Reflect.deleteProperty(error, 'message');
    Object.setPrototypeOf(error, prototype);
    // A class that is not known here, and that named its errors like its parent, is still told apart by its name.
    const name = optionalText(node, 'n') ?? own;
    const shown = errorPrototype(own) === undefined && name === nameOn(prototype) ? own : name;
    if (shown !== nameOn(prototype)) setHidden(error, 'name', shown);
    decodeBody(error, node, decoder);
    return error;
  },
};

export const domExceptionTag: Tag<DOMException> = {
  name: 'DOMException',
  encode(value, encoder) {
    const node: Json = { $: 'DOMException', n: encoder.text(String(value.name), 'name') };
    encodeBody(node, value, encoder, 'any');
    return node;
  },
  decode(node, decoder) {
    const [message, name] = [optionalText(node, 'm') ?? '', textField(node, 'n')];
    const error = decoder.keep(withoutTrace(() => new DOMException(message, name)));
    decodeBody(error, node, decoder);
    return error;
  },
};

function encodeBody(node: Node, value: Error, encoder: Encoder, messageIs: 'own' | 'any'): void {
  if (messageIs === 'any' || isHidden(value, 'message')) {
    const message = readText(value, 'message');
    if (message !== undefined) node.m = encoder.text(message, 'message');
  }
  const stack = readText(value, 'stack');
  if (stack !== undefined) node.s = encoder.text(stack, 'stack');
  for (const key of HIDDEN) if (isHidden(value, key)) encoder.copy(node, key, value, key);
  refuseSymbols(value, encoder);
  const extra: Json[] = [];
  for (const key of Object.keys(value)) {
    if (encoder.isFull()) break;
    const pair: Json[] = [key, null];
    encoder.copy(pair, 1, value, key);
    extra.push(pair);
  }
  if (extra.length > 0) node.x = extra;
}

function decodeBody(error: Error, node: Node, decoder: Decoder): void {
  const stack = optionalText(node, 's');
  setHidden(error, 'stack', stack ?? `${error.name}: ${error.message}`);
  for (const key of HIDDEN) if (Object.hasOwn(node, key)) setHidden(error, key, decoder.value(node[key] ?? null));
  for (const item of optionalList(node, 'x')) {
    const [key, value] = pairOf(item, 'Error');
    if (typeof key !== 'string') throw badPayload('a key of an Error is no text');
    // First as an enumerable property: `stack` is there already, and would stay hidden.
    if (Object.hasOwn(error, key)) Reflect.deleteProperty(error, key);
    setOwn(error, key, decoder.value(value));
  }
  const left = optionalList(node, 't');
  if (left.length > 0) setHidden(error, 'flameTruncated', left.map(String));
}

/** The name of the error's class, and of its nearest ancestor that the reader can rebuild. */
function classNames(value: Error): { own: string; known: string } {
  let own: string | undefined;
  for (
    let at: unknown = Object.getPrototypeOf(value);
    typeof at === 'object' && at !== null;
    at = Object.getPrototypeOf(at)
  ) {
    const known = errorNameOf(at);
    if (known !== undefined) return { own: own ?? known, known };
    own ??= constructorName(at);
  }
  return { own: own ?? 'Error', known: 'Error' };
}

function constructorName(prototype: object): string | undefined {
  const ctor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const name: unknown = typeof ctor === 'function' ? Object.getOwnPropertyDescriptor(ctor, 'name')?.value : undefined;
  return typeof name === 'string' && name !== '' ? name.slice(0, 200) : undefined;
}

function nameOn(prototype: object): unknown {
  return (prototype as { name?: unknown }).name;
}

function isHidden(value: object, key: string): boolean {
  return Object.getOwnPropertyDescriptor(value, key)?.enumerable === false;
}

function readText(value: Error, key: 'name' | 'message' | 'stack'): string | undefined {
  const text: unknown = value[key];
  return typeof text === 'string' && !isEnumerable(value, key) ? text : undefined;
}

const isEnumerable = (value: object, key: string): boolean => Object.prototype.propertyIsEnumerable.call(value, key);

/** Errors from afar bring their own stack; tracing this one would only cost time. */
function withoutTrace<T>(make: () => T): T {
  const limit = Error.stackTraceLimit;
  try {
    // Not assigned: that would throw where intrinsics are frozen.
    Reflect.set(Error, 'stackTraceLimit', 0);
    return make();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit);
  }
}
