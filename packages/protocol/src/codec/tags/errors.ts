/**
 * Errors keep class name, message, stack, cause, `errors` and own properties. The class is rebuilt from a closed table
 * (built-in, Flame's, registered) and no constructor runs; an error of an unknown class becomes one of its nearest known
 * ancestor, with the name of its own.
 */
import { optionalList, optionalText, pairOf, setHidden, setOwn, textField } from '../fields.ts';
import { refuseSymbols } from '../own-keys.ts';
import { badPayload } from '../refusal.ts';
import { errorNameOf, errorPrototype } from '../registry.ts';
import { show } from '../show.ts';
import type { Decoder, Encoder, Json, Node, TreeTag } from '../types.ts';
import { pairsOf } from './collections.ts';

/** Own properties that have a field or a meaning of their own: every other hidden one travels in the list of those. */
const KNOWN: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'flameTruncated', 'remoteStack']);
/** Hidden data by the language itself: there a function is data that cannot travel, in other places it is a method. */
const STANDARD: ReadonlySet<string> = new Set(['cause', 'errors', 'error', 'suppressed']);

export const errorTag: TreeTag<Error> = {
  name: 'Error',
  *write(value, encoder) {
    const { own, known } = classNames(value);
    const node: Node = { $: 'Error', c: own };
    if (known !== own) node.b = known;
    const name = nameOf(value);
    if (name !== undefined && name !== own) node.n = encoder.text(name, 'name');
    const message = messageOf(value);
    if (message !== '' || Object.hasOwn(value, 'message')) node.m = encoder.text(message, 'message');
    yield* writeBody(node, value, encoder);
    return node;
  },
  *read(node, decoder) {
    const own = textField(node, 'c');
    const known = optionalText(node, 'b') ?? own;
    const prototype = errorPrototype(own) ?? errorPrototype(known) ?? Error.prototype;
    const message = optionalText(node, 'm');
    const error = decoder.keep(withoutTrace(() => new Error(message ?? '')));
    if (message === undefined) Reflect.deleteProperty(error, 'message');
    Object.setPrototypeOf(error, prototype);
    const shown = shownName(own, optionalText(node, 'n') ?? own, prototype);
    if (shown !== nameOn(prototype)) setHidden(error, 'name', shown);
    yield* readBody(error, node, decoder);
    return error;
  },
};

export const domExceptionTag: TreeTag<DOMException> = {
  name: 'DOMException',
  *write(value, encoder) {
    const node: Node = { $: 'DOMException', n: encoder.text(String(value.name), 'name') };
    node.m = encoder.text(messageOf(value), 'message');
    yield* writeBody(node, value, encoder);
    return node;
  },
  *read(node, decoder) {
    const [message, name] = [optionalText(node, 'm') ?? '', textField(node, 'n')];
    const error = decoder.keep(withoutTrace(() => new DOMException(message, name)));
    yield* readBody(error, node, decoder);
    return error;
  },
};

function* writeBody(node: Node, value: Error, encoder: Encoder): Generator<undefined, void, Json> {
  const stack = stackOf(value);
  if (stack !== undefined) node.s = encoder.text(stack, 'stack');
  refuseSymbols(value, encoder);
  const hidden = hiddenKeys(value);
  if (hidden.length > 0) node.h = yield* pairsOf(value, hidden, encoder);
  const extra = Object.keys(value).filter((key) => key !== 'message' || typeof value.message === 'string');
  if (extra.length > 0) node.x = yield* pairsOf(value, extra, encoder);
}

function* readBody(error: Error, node: Node, decoder: Decoder): Generator<undefined, void, unknown> {
  const stack = optionalText(node, 's');
  setHidden(error, 'stack', stack ?? `${error.name}: ${error.message}`);
  for (const item of optionalList(node, 'h')) {
    const [key, value] = namedPair(item);
    setHidden(error, key, decoder.value(value) ?? (yield));
  }
  for (const item of optionalList(node, 'x')) {
    const [key, value] = namedPair(item);
    // First as an enumerable property: `stack` is there already, and would stay hidden.
    if (Object.hasOwn(error, key)) Reflect.deleteProperty(error, key);
    setOwn(error, key, decoder.value(value) ?? (yield));
  }
  const left = optionalList(node, 't');
  if (left.length > 0) setHidden(error, 'flameTruncated', left.map(String));
}

function namedPair(item: Json): readonly [string, Json] {
  const [key, value] = pairOf(item, 'Error');
  if (typeof key !== 'string') throw badPayload('a key of an Error is no text');
  return [key, value];
}

/** Own data that does not show when the error is listed: `cause`, `errors`, and what libraries hide. Methods are no data. */
function hiddenKeys(value: Error): string[] {
  return Object.getOwnPropertyNames(value).filter((key) => {
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (property?.enumerable !== false || KNOWN.has(key)) return false;
    return STANDARD.has(key) || typeof property.value !== 'function';
  });
}

/** @returns name and message as the reader of this error will see them. Never throws. */
export function describeError(value: Error): { readonly name: string; readonly message: string } {
  const { own, known } = classNames(value);
  const prototype = errorPrototype(own) ?? errorPrototype(known) ?? Error.prototype;
  return { name: String(shownName(own, nameOf(value) ?? own, prototype)), message: messageOf(value) };
}

/** A class that is not known to the reader, and that named its errors like its parent, is still told apart by its name. */
const shownName = (own: string, name: string, prototype: object): string =>
  errorPrototype(own) === undefined && name === nameOn(prototype) ? own : name;

function nameOf(value: Error): string | undefined {
  const name = readable(value, 'name');
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** Whatever a class made of its message, a getter, something inherited or no text at all: the text that names the reason. */
function messageOf(value: Error): string {
  const message = readable(value, 'message');
  if (message === undefined) return '';
  if (message instanceof Unreadable) return `(its message cannot be read: ${message.why})`;
  return typeof message === 'string' ? message : show(message);
}

/** The head of a trace is what the constructor knew: a message that is no own text does not stand in it. */
function stackOf(value: Error): string | undefined {
  const stack = readable(value, 'stack');
  if (typeof stack !== 'string' || Object.prototype.propertyIsEnumerable.call(value, 'stack')) return undefined;
  if (typeof Object.getOwnPropertyDescriptor(value, 'message')?.value === 'string') return stack;
  const message = messageOf(value);
  const frames = stack.search(/^\s+at /m);
  return message === '' || stack.includes(message)
    ? stack
    : `${describeError(value).name}: ${message}${frames === -1 ? '' : `\n${stack.slice(frames)}`}`;
}

class Unreadable {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

function readable(value: Error, key: 'name' | 'message' | 'stack'): unknown {
  try {
    return value[key];
  } catch (error) {
    return new Unreadable(error instanceof Error ? show(String(error)) : show(error));
  }
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
