import { Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { decode, encode, registerClass, registerError } from '../../src/codec/index.ts';
import { FlameCodecError } from '../../src/errors/index.ts';

const refusal = (value: unknown, root?: string): FlameCodecError => {
  try {
    encode(value, root === undefined ? {} : { root });
  } catch (error) {
    expect(error).toBeInstanceOf(FlameCodecError);
    return error as FlameCodecError;
  }
  throw new Error('nothing was refused');
};

class Account {
  readonly #secret = 1;
  peek = () => this.#secret;
}
class Point {
  x = 1;
}
class SubMap extends Map {}
class Query {}
Object.defineProperty(Query.prototype, 'then', { value: () => undefined });
class SubBuffer extends Uint8Array {}

const transferred = (): ArrayBuffer => {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
};
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const hostileProxy = new Proxy({}, { get: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail });
function fail(): never {
  throw new Error('trapped');
}
async function* stream() {
  yield 1;
}

/** What, the value, what the message must say about it. */
const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['a function', () => () => 1, /is a function.*import the function where it runs/],
  ['a named function', () => fail, /is a function \(fail\)/],
  ['a class', () => Point, /is a function \(Point\)/],
  ['an async function', () => async () => 1, /is a function/],
  ['a symbol', () => Symbol('s'), /is a symbol.*string/],
  ['a symbol as key', () => ({ [Symbol('tag')]: 1 }), /Symbol\(tag\).*string as the key/],
  ['a symbol as key of an array', () => Object.assign([1], { [Symbol('tag')]: 1 }), /Symbol\(tag\)/],
  ['a boxed symbol', () => Object(Symbol('s')), /instance of Symbol/],
  ['an instance with private state', () => new Account(), /an instance of Account.*registerClass\(Account/],
  ['an instance without methods', () => new Point(), /an instance of Point.*plain data/],
  ['an instance of a subclass of Map', () => new SubMap(), /an instance of SubMap/],
  ['an instance of a subclass of a typed array', () => new SubBuffer(2), /an instance of SubBuffer/],
  ['an object that inherits from another', () => Object.create({ a: 1 }), /prototype of its own.*plain copy/],
  ['a promise', () => Promise.resolve(1), /is a promise.*await it first/],
  ['a thenable', () => new Query(), /is a promise \(Query\).*await it first/],
  ['a WeakMap', () => new WeakMap(), /a WeakMap.*send a Map/],
  ['a WeakSet', () => new WeakSet(), /a WeakSet.*send a Set/],
  ['a WeakRef', () => new WeakRef({}), /a WeakRef.*what it points to/],
  ['a stream', () => Readable.from([]), /is a stream \(Readable\).*read it first/],
  ['a transform', () => new PassThrough(), /is a stream \(PassThrough\)/],
  ['a socket', () => new Socket(), /is a stream \(Socket\)/],
  ['a web stream', () => new ReadableStream(), /a ReadableStream.*buffer\(stream\)/],
  ['a Blob', () => new Blob(['x']), /a Blob.*arrayBuffer/],
  ['an AbortSignal', () => new AbortController().signal, /an AbortSignal.*with\(\{ signal \}\)/],
  ['an AbortController', () => new AbortController(), /an AbortController/],
  ['a Response', () => new Response('x'), /a Response.*json\(\)/],
  ['Headers', () => new Headers(), /a Headers.*entries/],
  ['a generator', () => (function* () {})(), /is a generator.*\[\.\.\.generator\]/],
  ['an async generator', () => stream(), /is a generator|is an iterator/],
  ['an iterator', () => new Map().values(), /is an iterator/],
  ['a SharedArrayBuffer', () => new SharedArrayBuffer(4), /shared memory.*copy/],
  ['a view of a SharedArrayBuffer', () => new Uint8Array(new SharedArrayBuffer(4)), /shared memory.*copy/],
  ['a transferred buffer', transferred, /transferred/],
  [
    'a view of a transferred buffer',
    () => {
      const view = new Uint8Array(8);
      structuredClone(view.buffer, { transfer: [view.buffer] });
      return view;
    },
    /transferred/,
  ],
  ['a proxy', () => new Proxy({}, {}), /is a Proxy.*copy/],
  ['a proxy whose traps throw', () => hostileProxy, /is a Proxy/],
  ['a proxy of an array', () => new Proxy([], {}), /is a Proxy/],
  ['a revoked proxy', revoked, /is a Proxy/],
  ['a fake Date', () => Object.create(Date.prototype), /threw while it was read/],
  ['a fake Map', () => Object.create(Map.prototype), /threw while it was read/],
  ['a fake URL', () => Object.create(URL.prototype), /threw while it was read/],
  ['a fake array', () => Object.create(Array.prototype), /no array/],
  ['a fake Buffer', () => Object.create(Buffer.prototype), /no Buffer/],
  ['a property on a Date', () => Object.assign(new Date(0), { zone: 'utc' }), /zone.*would be lost/],
  ['a property on a Map', () => Object.assign(new Map(), { extra: 1 }), /extra.*would be lost/],
  ['a BigInt of a million digits', () => 10n ** 1_000_000n, /BigInt of more than 4,096 digits/],
  ['a huge RegExp', () => new RegExp('a'.repeat(70_000)), /regular expression of more than/],
];

test.each(refused)('P02 %s is refused with its path and what to do', (_, make, says) => {
  const value = make();
  for (const [wrap, path] of [
    [(v: unknown) => v, ''],
    [(v: unknown) => ({ user: { thing: v } }), '.user.thing'],
    [(v: unknown) => [{ items: [1, v] }], '[0].items[1]'],
    [(v: unknown) => new Map([['k', [v]]]), '.get("k")[0]'],
    [(v: unknown) => new Set([v]), '.<member 0>'],
    [(v: unknown) => ({ ok: new Date(0), error: new Error('x', { cause: v }) }), '.error.cause'],
  ] as const) {
    const error = refusal(wrap(value), 'argument');
    expect(error.path.startsWith(`argument${path}`), error.path).toBe(true);
    expect(error.message).toMatch(says);
    expect(error.message.startsWith(error.path)).toBe(true);
    expect(error.advice).not.toBe('');
  }
});

test('P02 the path names the place as a programmer would', () => {
  const socket = new Socket();
  expect(refusal([{ user: { socket } }], 'argument').path).toBe('argument[0].user.socket');
  expect(refusal({ items: [0, 1, 2, socket] }, 'result').path).toBe('result.items[3]');
  expect(refusal({ 'odd key': { 'new\nline': socket } }).path).toBe('value["odd key"]["new\\nline"]');
  expect(refusal(new Map([[socket, 1]])).path).toBe('value.<key 0>');
  expect(refusal(new Map([[3n, socket]])).path).toBe('value.get(a bigint)');
  expect(refusal(Object.assign([1], { extra: socket })).path).toBe('value.extra');
  expect(refusal({ [`k${'x'.repeat(500)}`]: socket }).path.length).toBeLessThan(120);
});

test('PS-14 a callback deep inside is named', () => {
  expect(refusal([{ a: { cb() {} } }], 'args').message).toMatch(/^args\[0\]\.a\.cb is a function/);
});

test('P02 a getter that throws is named, with what it threw as the cause', () => {
  const cause = new Error('no');
  const error = refusal({
    list: [
      {
        get broken() {
          throw cause;
        },
      },
    ],
  });
  expect(error.path).toBe('value.list[0].broken');
  expect(error.cause).toBe(cause);
});

test('P02 a getter that throws on an array, a null-prototype object and an error is named', () => {
  const broken = { get: fail, enumerable: true };
  expect(refusal(Object.defineProperty([1, 2], 1, broken)).path).toMatch(/^value(\[1\])?$/);
  expect(refusal({ a: Object.defineProperty(Object.create(null), 'x', broken) }).path).toBe('value.a.x');
  expect(refusal([Object.defineProperty(new Error('e'), 'x', broken)]).path).toBe('value[0].x');
});

test('P02 describing a refused value runs none of its code', () => {
  let ran = 0;
  class Trap {
    get pipe() {
      ran += 1;
      return () => 1;
    }
    get [Symbol.toStringTag]() {
      ran += 1;
      return 'Trap';
    }
    toJSON() {
      ran += 1;
    }
  }
  const counted = { get: () => (ran += 1) };
  Object.defineProperty(Trap.prototype, 'constructor', counted);
  Object.defineProperty(Trap, 'name', counted);
  expect(refusal(new Trap()).message).toMatch(/prototype of its own/);
  expect(ran).toBe(0);
});

test('P02 an own toJSON is a function like any other', () => {
  expect(refusal({ a: { toJSON: () => 1 } }).path).toBe('value.a.toJSON');
});

test('P02 what a registered class makes of itself is checked too, and may not lead back to it', () => {
  class Holder {
    inner: unknown;
    constructor(inner: unknown) {
      this.inner = inner;
    }
  }
  registerClass(Holder, { name: 'P02Holder', to: ({ inner }) => ({ inner }), from: ({ inner }) => new Holder(inner) });
  expect(decode(encode(new Holder({ deep: [1n] })))).toEqual(new Holder({ deep: [1n] }));
  expect(refusal({ h: new Holder(() => 1) }).path).toContain('inner');
  const knot = new Holder(undefined);
  knot.inner = { back: knot };
  expect(refusal(knot).message).toMatch(/registered class.*to/);
  expect(decode(encode(new Holder(new Holder(1))))).toEqual(new Holder(new Holder(1)));
});

test('P02 a subclass of a registered class needs a registration of its own', () => {
  class Base {}
  class Derived extends Base {}
  registerClass(Base, { name: 'P02Base', to: () => null, from: () => new Base() });
  expect(decode(encode(new Base()))).toBeInstanceOf(Base);
  expect(refusal(new Derived()).message).toMatch(/instance of Derived/);
});

test('a name can be registered for one class only', () => {
  const make = () => class Twice {};
  registerClass(make(), { name: 'Twice', to: () => 1, from: () => ({}) });
  expect(() => registerClass(make(), { name: 'Twice', to: () => 1, from: () => ({}) })).toThrow(FlameCodecError);
  expect(() => registerClass(class {}, { name: '', to: () => 1, from: () => ({}) })).toThrow(/needs a name/);
  class Mine extends Error {}
  expect(() => registerError(Mine, 'TypeError')).toThrow(/already registered/);
  expect(() => registerError(Mine, 'FlameTimeoutError')).toThrow(/already registered/);
  expect(() => registerError(Mine)).not.toThrow();
});
