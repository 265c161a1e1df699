/** Why a value cannot travel, in words that say what to do. */
import { types } from 'node:util';
import { FlameCodecError } from '../errors/index.ts';

export interface Refusal {
  /** Follows the path: `is a function, which cannot be sent to another machine`. */
  readonly what: string;
  readonly advice: string;
}

/** @param path where; empty for a payload as a whole */
export const codecError = (path: string, what: string, advice: string, cause?: unknown): FlameCodecError =>
  new FlameCodecError(`${path === '' ? 'the payload' : path} ${what}: ${decapitalised(advice)}`, {
    path,
    advice,
    cause,
  });

/** An error about bytes that arrived. */
export const badPayload = (what: string, cause?: unknown): FlameCodecError =>
  new FlameCodecError(`the payload is not readable: ${what}`, { path: '', advice: BAD_PAYLOAD, cause });

const BAD_PAYLOAD =
  'It was damaged, cut off, or written by another version or program: check what else writes these keys, then call again.';

const REMOTE = 'which cannot be sent to another machine';

/** @returns what to say about a function, a symbol, or an object that has no tag. Never runs code of the object. */
export function describeRefusal(value: unknown): Refusal {
  if (typeof value === 'function') {
    const named = nameOf(value);
    return {
      what: `is a function${named === '' ? '' : ` (${named})`}, ${REMOTE}`,
      advice: 'Send the data that it works on, and import the function where it runs.',
    };
  }
  if (typeof value === 'symbol') {
    return { what: `is a symbol, ${REMOTE}`, advice: 'Send a string in its place.' };
  }
  if (typeof value !== 'object' || value === null) return { what: `is of an unknown kind, ${REMOTE}`, advice: PLAIN };
  if (types.isProxy(value)) {
    return { what: `is a Proxy, ${REMOTE}`, advice: 'Send the object behind it, or a copy such as `{ ...proxy }`.' };
  }
  if (types.isPromise(value)) return { what: `is a promise, ${REMOTE}`, advice: 'Await it first.' };
  for (const [type, advice] of liveKinds()) {
    if (value instanceof type) return { what: `is ${withArticle(type.name)}, ${REMOTE}`, advice };
  }
  if (types.isSharedArrayBuffer(value)) return sharedMemory;
  if (types.isGeneratorObject(value)) {
    return { what: `is a generator, ${REMOTE}`, advice: 'Collect what it yields first: `[...generator]`.' };
  }
  return describeInstance(value);
}

export const sharedMemory: Refusal = {
  what: `is shared memory, ${REMOTE} without ceasing to be shared`,
  advice: 'Send a copy: `new Uint8Array(view)`.',
};

export const detached: Refusal = {
  what: 'is a buffer that was transferred to another thread, so its bytes are gone',
  advice: 'Send it before it is transferred, or send a copy.',
};

export const extraProperty: Refusal = {
  what: 'is a property that was added to a built-in object and would be lost',
  advice: 'Send an object that holds both: `{ value, extra }`.',
};

const PLAIN = 'Send plain data.';

/** A function, for merely naming some of these globals makes Node load its HTTP client. */
const liveKinds = (): readonly (readonly [abstract new (...args: never[]) => object, string])[] => [
  [WeakMap, 'Send a Map.'],
  [WeakSet, 'Send a Set.'],
  [WeakRef, 'Send what it points to.'],
  [ReadableStream, 'Read it first: `await buffer(stream)` of node:stream/consumers.'],
  [WritableStream, 'Return the data, and write it here.'],
  [TransformStream, 'Return the data, and transform it here.'],
  [Blob, 'Read it first: `await blob.arrayBuffer()`.'],
  [AbortSignal, 'Give it to the call: `fn.with({ signal })`; the function sees it as `context().signal`.'],
  [AbortController, 'Give its signal to the call: `fn.with({ signal })`.'],
  [Response, 'Read it first: `await response.json()`.'],
  [Request, 'Send its URL, method and body.'],
  [Headers, 'Send its entries: `[...headers]`.'],
  [FormData, 'Send its entries: `[...form]`.'],
];

function describeInstance(value: object): Refusal {
  const prototype: unknown = Object.getPrototypeOf(value);
  const maker: unknown = dataProperty(prototype, 'constructor');
  const name = typeof maker === 'function' ? nameOf(maker) : '';
  if (isMethod(value, 'pipe') || isMethod(value, 'getReader')) {
    return { what: `is a stream (${name || 'unnamed'}), ${REMOTE}`, advice: 'Read it first, and send the bytes.' };
  }
  if (isMethod(value, 'then'))
    return { what: `is a promise (${name || 'unnamed'}), ${REMOTE}`, advice: 'Await it first.' };
  if (isMethod(value, 'next')) {
    return { what: `is an iterator, ${REMOTE}`, advice: 'Collect what it yields first: `[...iterator]`.' };
  }
  if (name === '' || name === 'Object') {
    return {
      what: `is an object with a prototype of its own, ${REMOTE}`,
      advice: 'Send a plain copy: `{ ...object }`.',
    };
  }
  return {
    what: `is ${withArticle(`instance of ${name}`)}, ${REMOTE} (its methods and private state would be lost)`,
    advice: `Register it where callers and runners load it: import { registerClass } from 'flamejs'; registerClass(${name}, { to, from }), see docs/values.md. Or send plain data.`,
  };
}

/** Looks along the prototypes without running a getter. */
function isMethod(value: object, key: string): boolean {
  for (let at: unknown = value; typeof at === 'object' && at !== null; at = Object.getPrototypeOf(at)) {
    if (types.isProxy(at)) return false;
    if (Object.hasOwn(at, key)) return typeof dataProperty(at, key) === 'function';
  }
  return false;
}

const dataProperty = (object: unknown, key: string): unknown =>
  (typeof object === 'object' || typeof object === 'function') && object !== null && !types.isProxy(object)
    ? Object.getOwnPropertyDescriptor(object, key)?.value
    : undefined;

function nameOf(maker: object): string {
  const name = dataProperty(maker, 'name');
  return typeof name === 'string' ? name.slice(0, 80).replaceAll(/[^\w$ .#]/g, '?') : '';
}

const withArticle = (noun: string): string => `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`;

const decapitalised = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
