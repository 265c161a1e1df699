/** Values of every kind that can travel. The fuzzer mutates them, so each tag must occur here: a test checks that. */
import { createSecretKey } from 'node:crypto';
import vm from 'node:vm';
import { encode, registerClass, registerError } from '../../src/codec/index.ts';
import { FlameTimeoutError } from '../../src/errors/index.ts';
import { appBox, type SecretBox } from '../../src/payload/secret-box.ts';
import { Secret } from '../../src/secret.ts';

export class Money {
  readonly #cents: number;
  readonly currency: string;
  constructor(cents: number, currency: string) {
    this.#cents = cents;
    this.currency = currency;
  }
  get cents(): number {
    return this.#cents;
  }
}

export class QuotaError extends RangeError {
  code = 'Q';
  left: unknown = 0;
}

export class UnregisteredError extends TypeError {
  override name = 'UnregisteredError';
}

registerClass(Money, {
  to: (money) => ({ cents: money.cents, currency: money.currency }),
  from: ({ cents, currency }) => {
    if (typeof cents !== 'number' || typeof currency !== 'string') throw new TypeError('not money');
    return new Money(cents, currency);
  },
});
registerError(QuotaError);

/** Seals and opens the secrets among the samples. */
export const box: SecretBox | undefined = appBox(
  'samples',
  [{ id: 'test', key: createSecretKey(Buffer.alloc(32, 7)) }],
  'images.samples',
);

export interface Sample {
  readonly name: string;
  readonly make: () => unknown;
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) % 251);

/** A fresh buffer whose first bytes count up, so that every element size sees different values. */
const memory = (length: number): ArrayBuffer => {
  const copy = new Uint8Array(length);
  copy.set(bytes(length));
  return copy.buffer;
};

const withOwn = (key: string, value: unknown): object => {
  const object = {};
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  return object;
};

const cyclic = (): unknown => {
  const node: Record<string, unknown> = { name: 'root' };
  node.self = node;
  node.list = [node, { up: node }];
  return node;
};

const throughEverything = (): unknown => {
  const map = new Map<unknown, unknown>();
  const set = new Set<unknown>([map]);
  const error = new Error('cyclic', { cause: map });
  const list: unknown[] = [set];
  map.set('error', error).set(map, set);
  set.add(set);
  list.push(list);
  return { map, set, error, list, again: [map, error] };
};

const sparse = (): unknown[] => {
  const array: unknown[] = [];
  array[2] = 'two';
  array[5] = undefined;
  array.length = 8;
  return array;
};

const farSparse = (): unknown[] => {
  const array: unknown[] = ['first'];
  array[4_294_967_294] = { last: true };
  return array;
};

const match = (): unknown => /(?<word>b)(x)?/.exec('abc');

const float16 = Reflect.get(globalThis, 'Float16Array') as undefined | { from(values: number[]): unknown };

export const samples: readonly Sample[] = [
  { name: 'null', make: () => null },
  { name: 'booleans', make: () => [true, false] },
  { name: 'numbers', make: () => [0, 1, -1, 1.5, 5e-324, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER] },
  { name: 'strings', make: () => ['', 'text', 'é€😀', '"\\\n\u2028', 'a'.repeat(5000)] },
  {
    name: 'strings with lone surrogates and NUL',
    make: () => ['\ud800', 'a\udfff', '\0', 'x\0y', { '\ud800\0': '\udc00' }],
  },
  { name: 'undefined', make: () => undefined },
  { name: 'undefined as property and item', make: () => ({ a: undefined, list: [undefined, 1, undefined] }) },
  { name: 'NaN', make: () => Number.NaN },
  { name: 'minus zero', make: () => [-0, 0, { v: -0 }] },
  { name: 'infinities', make: () => [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] },
  { name: 'BigInt', make: () => [0n, -1n, 2n ** 64n, -(10n ** 4095n)] },
  { name: 'Date', make: () => [new Date(0), new Date(1_700_000_000_123), new Date(8.64e15), new Date(-8.64e15)] },
  { name: 'invalid Date', make: () => new Date(Number.NaN) },
  { name: 'RegExp', make: () => [/a+b/giu, /[/\]]\/(?<n>x)/s, /(?:)/] },
  { name: 'URL', make: () => new URL('https://user:pw@example.com:8443/a/b?c=d#e') },
  {
    name: 'URLSearchParams',
    make: () =>
      new URLSearchParams([
        ['a', '1'],
        ['a', '2'],
        ['b c', '&='],
      ]),
  },
  {
    name: 'Map',
    make: () =>
      new Map<unknown, unknown>([
        ['a', 1],
        [1, 'b'],
        [Number.NaN, new Map([['x', undefined]])],
        [{ k: 1 }, null],
      ]),
  },
  { name: 'Set', make: () => new Set<unknown>([1, 'a', undefined, new Set([2n])]) },
  { name: 'Map of Sets', make: () => new Map([['s', new Set([new Map([[1, 2]])])]]) },
  { name: 'nested plain data', make: () => ({ a: { b: [{ c: 1 }, [], {}] }, 'odd key': null }) },
  { name: 'cyclic object', make: cyclic },
  { name: 'cycles through Map, Set, Error.cause and arrays', make: throughEverything },
  {
    name: 'plain data that is shared',
    make: () => {
      const shared = { n: 1 };
      return { a: shared, list: [shared, shared] };
    },
  },
  {
    name: 'shared references',
    make: () => {
      const shared = { n: 1 };
      const date = new Date(5);
      return { a: shared, b: shared, dates: [date, date] };
    },
  },
  { name: 'sparse array', make: sparse },
  { name: 'array with one item four billion places away', make: farSparse },
  { name: 'array of holes', make: () => new Array(100_000_000) },
  { name: 'array with names', make: match },
  {
    name: 'null-prototype object',
    make: () =>
      Object.assign(Object.create(null) as object, {
        a: 1,
        nested: Object.assign(Object.create(null) as object, { b: 2n }),
      }),
  },
  {
    name: 'keys of prototypes in plain data',
    make: () => ({
      a: withOwn('__proto__', { polluted: true }),
      constructor: { prototype: 1 },
      toString: 'x',
      hasOwnProperty: 0,
    }),
  },
  {
    name: 'keys of prototypes beside a tag',
    make: () => [withOwn('__proto__', { polluted: new Date(1) }), { constructor: 1n, toString: undefined }],
  },
  { name: 'the key of tags', make: () => ({ $: 'Date', v: 'no date', nested: { $: { $: 1 } } }) },
  { name: 'a key that looks like a tag', make: () => ({ 'x"$': 1, '"$":': '"$":', $x: '$' }) },
  {
    name: 'then and toJSON as data',
    make: () => [withOwn('then', 'later'), withOwn('then', undefined), { toJSON: 1 }],
  },
  {
    name: 'boxed primitives',
    make: () => [Object(1), Object('s'), Object(true), Object(2n), Object(-0), Object(Number.NaN)],
  },
  { name: 'ArrayBuffer', make: () => [memory(0), memory(5), memory(2000)] },
  { name: 'DataView', make: () => [new DataView(memory(9), 2, 5), new DataView(memory(3000))] },
  { name: 'Buffer', make: () => [Buffer.alloc(0), Buffer.from('small'), Buffer.from(bytes(600))] },
  ...[
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map(
    (ctor): Sample => ({
      name: ctor.name,
      make: () => [new ctor(memory(0)), new ctor(memory(24)), new ctor(memory(1600), 8, 40), new ctor(memory(800))],
    }),
  ),
  ...(float16 === undefined ? [] : [{ name: 'Float16Array', make: () => float16.from([1, 0.5, -2]) }]),
  { name: 'Error', make: () => new Error('plain') },
  { name: 'Error without a message', make: () => new Error() },
  {
    name: 'built-in errors',
    make: () => [
      new TypeError('t'),
      new RangeError('r'),
      new SyntaxError('s'),
      new ReferenceError('f'),
      new EvalError('e'),
      new URIError('u'),
    ],
  },
  {
    name: 'Error with a chain of causes and own properties',
    make: () =>
      Object.assign(
        new Error('top', { cause: new TypeError('middle', { cause: new Error('end', { cause: 'text' }) }) }),
        { code: 'E_TOP', at: new Date(1), $: 1 },
      ),
  },
  {
    name: 'AggregateError',
    make: () => new AggregateError([new Error('one'), 'two', undefined], 'many', { cause: 3n }),
  },
  { name: 'DOMException', make: () => new DOMException('stopped', 'AbortError') },
  {
    name: 'registered error class',
    make: () => Object.assign(new QuotaError('used up'), { left: new Map([['eu', 0]]) }),
  },
  { name: 'unregistered error class', make: () => new UnregisteredError('whose?') },
  {
    name: 'Flame error',
    make: () => new FlameTimeoutError('ran out', { timeoutMs: 5, attempt: 1, callId: 'images.a' }),
  },
  { name: 'registered class', make: () => [new Money(300, 'EUR'), { price: new Money(1, 'USD') }] },
  { name: 'secrets', make: () => [Secret.of('hidden'), { pin: Secret.of({ deep: [1n, Secret.of(2)] }) }] },
  {
    name: 'objects of another realm',
    make: () =>
      vm.runInNewContext(
        '({ date: new Date(5), list: [1, new Map([[1, new Set([2])]])], re: /x/g, bytes: new Uint8Array([1, 2]), error: new TypeError("far") })',
      ),
  },
];

export const payloadOf = (sample: Sample) => encode(sample.make(), { secrets: box });
