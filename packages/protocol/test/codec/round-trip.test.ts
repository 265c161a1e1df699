import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode, encode, packPayload, unpackPayload } from '../../src/codec/index.ts';
import { FlameTimeoutError } from '../../src/errors/index.ts';
import { assertSameGraph } from './same-graph.ts';
import { box, Money, QuotaError, samples, UnregisteredError } from './samples.ts';

/** The whole way: encoded, packed into one frame as Redis would hold it, unpacked, decoded. */
const travel = <T>(value: T): T =>
  decode(unpackPayload(packPayload(encode(value, { secrets: box }))), { secrets: box }) as T;

/** Those that arrive as something else on purpose, or that Node's own comparison cannot compare: tests of their own below. */
const apart = ['objects of another realm', 'unregistered error class', 'invalid Date'];

const together = samples.filter(({ name }) => !apart.includes(name)).map(({ name, make }) => [name, make] as const);

test.each(together)('PS-02 PS-03 P01 round trip of %s', (_, make) => {
  assertSameGraph(travel(make()), make());
});

test('P01 round trip of an invalid Date', () => {
  const dates = travel({ at: new Date(Number.NaN), list: [new Date(Number.NaN)] });
  for (const date of [dates.at, dates.list[0]]) {
    expect(date).toBeInstanceOf(Date);
    expect(date?.getTime()).toBeNaN();
  }
});

test('P01 objects of another realm arrive as objects of this one', () => {
  const sample = samples.find(({ name }) => name === 'objects of another realm');
  const far = travel(sample?.make()) as Record<string, unknown>;
  assertSameGraph(
    { ...far, error: undefined },
    {
      date: new Date(5),
      list: [1, new Map([[1, new Set([2])]])],
      re: /x/g,
      bytes: new Uint8Array([1, 2]),
      error: undefined,
    },
  );
  expect(far.error).toBeInstanceOf(TypeError);
  expect((far.error as Error).message).toBe('far');
});

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withUnicodeString: true,
  maxDepth: 4,
});

/** Two of them are not equal to Node's comparison; they have a test of their own above. */
const hasNoInvalidDate = (value: unknown): boolean => !inspect(value, { depth: 10 }).includes('Invalid Date');

test('P01 round trip of anything that fast-check can think of', () => {
  fc.assert(
    fc.property(anything.filter(hasNoInvalidDate), (value) => {
      assertSameGraph(travel(value), value);
    }),
    { numRuns: 2000 },
  );
});

test('PS-05 P01 round trip of arbitrary graphs with shared parts and cycles', () => {
  const graph = fc.array(
    fc.tuple(fc.constantFrom('object', 'array', 'map', 'set', 'error'), fc.array(fc.nat(30), { maxLength: 5 })),
    {
      minLength: 1,
      maxLength: 30,
    },
  );
  fc.assert(
    fc.property(graph, anything.filter(hasNoInvalidDate), (plan, leaf) => {
      const root = build(plan, leaf);
      assertSameGraph(travel(root), root);
    }),
    { numRuns: 500 },
  );
});

/** Makes the nodes first, then the edges, so that any node can point to any other and to itself. */
function build(plan: readonly (readonly [string, readonly number[]])[], leaf: unknown): unknown {
  const nodes = plan.map(([kind]) => emptyNode(kind));
  plan.forEach(([, edges], index) => {
    edges.forEach((edge, nth) => {
      connect(nodes[index], nth, nodes[edge % nodes.length]);
    });
  });
  return { leaf, root: nodes[0], nodes };
}

function emptyNode(kind: string): object {
  if (kind === 'map') return new Map();
  if (kind === 'set') return new Set();
  if (kind === 'array') return [];
  return kind === 'error'
    ? Object.defineProperty(new Error('node'), 'stack', { value: 'same', enumerable: false })
    : {};
}

function connect(from: unknown, nth: number, to: unknown): void {
  if (from instanceof Map) from.set(nth, to);
  else if (from instanceof Set) from.add(to);
  else if (Array.isArray(from)) from.push(to);
  else Object.assign(from as object, { [`edge${nth}`]: to });
}

test('P01 strings of any UTF-16 units, as values, keys and map keys', () => {
  const units = fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map((list) => String.fromCharCode(...list));
  fc.assert(
    fc.property(units, units, (a, b) => {
      const object = {};
      Object.defineProperty(object, a, { value: b, writable: true, enumerable: true, configurable: true });
      assertSameGraph(travel([object, new Map([[a, b]])]), [object, new Map([[a, b]])]);
    }),
    { numRuns: 1000 },
  );
});

test('P01 plain JSON stays plain JSON, whatever its strings and keys look like', () => {
  const value = { id: 1, text: '{"$":"Date"}', list: ['$', '"$":', null], nested: { a: true } };
  expect(encode(value)).toEqual({ json: JSON.stringify(value), parts: [] });
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (json) => {
      const text = JSON.stringify(json);
      const copy: unknown = JSON.parse(text);
      if (text.includes('"$":') || text.includes('-0')) return;
      expect(encode(copy).json).toBe(text);
    }),
  );
});

test('P01 tags are readable', () => {
  const value = { image: Buffer.alloc(1 << 20), at: new Date(0), tags: new Set(['x']), big: 10n, none: undefined };
  expect(encode(value).json).toBe(
    '{"image":{"$":"Buffer","n":1048576,"p":0},"at":{"$":"Date","v":"1970-01-01T00:00:00.000Z"},"tags":{"$":"Set","v":["x"]},"big":{"$":"BigInt","v":"10"},"none":{"$":"undef"}}',
  );
});

test('P01 an own key __proto__ arrives as data, and nothing is polluted', () => {
  const hostile: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}}}');
  for (const value of [hostile, [hostile, undefined], { $: hostile }, new Map([['__proto__', hostile]])]) {
    assertSameGraph(travel(value), value);
  }
  const arrived = travel([hostile, 1n])[0] as object;
  expect(Object.getPrototypeOf(arrived)).toBe(Object.prototype);
  expect(Object.hasOwn(arrived, '__proto__')).toBe(true);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test('P01 10 MB of binary data travel as bytes, not as base64', () => {
  const image = Buffer.alloc(10_000_000);
  for (let i = 0; i < image.length; i += 4096) image[i] = i % 256;
  const payload = encode({ image });
  expect(payload.json.length).toBeLessThan(100);
  expect(payload.parts).toHaveLength(1);
  expect(payload.parts[0]?.buffer).toBe(image.buffer);
  const arrived = travel({ image }).image;
  expect(Buffer.isBuffer(arrived)).toBe(true);
  expect(arrived.equals(image)).toBe(true);
});

test('P01 a view of 3 bytes of a large buffer ships 3 bytes', () => {
  const large = new Uint8Array(100_000).fill(9);
  const payload = encode(large.subarray(50_000, 50_003));
  expect(payload).toEqual({ json: '{"$":"Uint8Array","n":3,"b":"CQkJ"}', parts: [] });
  expect((decode(payload) as Uint8Array).buffer.byteLength).toBe(3);
});

test('P01 two views of one buffer arrive as two buffers with their own bytes', () => {
  const memory = Uint8Array.from([1, 2, 3, 4]).buffer;
  const views = [new Uint8Array(memory, 0, 2), new Uint8Array(memory, 1, 3)];
  const arrived = travel(views);
  assert.deepStrictEqual(arrived, views);
  expect(arrived[0]?.buffer).not.toBe(arrived[1]?.buffer);
});

test('P01 a decoded buffer reveals no other memory, and a small one keeps no large frame alive', () => {
  const frame = packPayload(
    encode([Buffer.alloc(1000, 1), Buffer.from('small'), new Float64Array(200), Buffer.alloc(9_000_000)]),
  );
  const [medium, small, floats, large] = decode(unpackPayload(frame)) as [Buffer, Buffer, Float64Array, Buffer];
  expect(medium.buffer.byteLength).toBe(1000);
  expect(small.buffer.byteLength).toBe(5);
  expect(floats.buffer.byteLength).toBe(1600);
  expect(large.buffer).toBe(frame.buffer);
});

test('P01 a resizable buffer arrives with the bytes that it had', () => {
  const ctor = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
  const resizable = new ctor(4, { maxByteLength: 4096 });
  new Uint8Array(resizable).set([1, 2, 3, 4]);
  const [buffer, view] = travel([resizable, new Uint8Array(resizable, 1)]) as [ArrayBuffer, Uint8Array];
  assert.deepStrictEqual([...new Uint8Array(buffer)], [1, 2, 3, 4]);
  assert.deepStrictEqual([...view], [2, 3, 4]);
});

test('P01 as in a structured clone, a RegExp starts at 0 again', () => {
  const sticky = /a/g;
  sticky.lastIndex = 3;
  expect(travel(sticky).lastIndex).toBe(0);
});

test('PS-04 a registered class arrives as an instance, private state included', () => {
  const money = travel({ price: new Money(300, 'EUR') }).price;
  expect(money).toBeInstanceOf(Money);
  expect(money.cents).toBe(300);
});

test('P01 shared instances of a registered class stay shared', () => {
  const money = new Money(5, 'EUR');
  const [a, b] = travel([money, money]);
  expect(a).toBe(b);
});

test('P01 errors keep their class where it is known, and their name everywhere', () => {
  const quota = travel(Object.assign(new QuotaError('used up', { cause: 1 }), { left: 7 }));
  expect(quota).toBeInstanceOf(QuotaError);
  expect({ ...quota, message: quota.message, cause: quota.cause }).toEqual({
    code: 'Q',
    left: 7,
    message: 'used up',
    cause: 1,
  });

  const unknown = travel(new UnregisteredError('whose?'));
  expect(unknown).toBeInstanceOf(TypeError);
  expect([unknown.name, unknown.message]).toEqual(['UnregisteredError', 'whose?']);

  const timeout = travel(new FlameTimeoutError('ran out', { timeoutMs: 5, attempt: 2, callId: 'a.b' }));
  expect(timeout).toBeInstanceOf(FlameTimeoutError);
  expect({ ...timeout }).toEqual({
    code: 'FLAME_ERR_TIMEOUT',
    timeoutMs: 5,
    attempt: 2,
    callId: 'a.b',
    advice: FlameTimeoutError.advice,
    docs: timeout.docs,
  });
});

test('PS-13 exact arity and values of argument lists', () => {
  for (const args of [
    [],
    [undefined],
    [Number.NaN],
    [-0],
    [''],
    ['\ud800'],
    ['hello'],
    [undefined, undefined],
    [null],
  ]) {
    const arrived = travel(args);
    assert.deepStrictEqual(arrived, args);
    expect(arrived).toHaveLength(args.length);
  }
});

test('C-72: data whose prototype is an empty object without prototype travels as data', () => {
  const Empty = function Empty() {} as unknown as new () => Record<string, unknown>;
  Empty.prototype = Object.create(null);
  const query = Object.assign(new Empty(), { page: '2', tags: ['a'], $: 'tag' });
  const [arrived] = decode(encode([query])) as [Record<string, unknown>];
  expect({ ...arrived }).toEqual({ page: '2', tags: ['a'], $: 'tag' });
  expect(Object.getPrototypeOf(arrived)).toBeNull();
});

test('C-72: so does data above several empty prototypes, and above an empty plain object', () => {
  const deep = Object.assign(Object.create(Object.create(Object.create(null))) as object, { a: 1 });
  const plain = Object.assign(Object.create({}) as object, { a: 1 });
  expect({ ...(decode(encode(deep)) as object) }).toEqual({ a: 1 });
  expect(decode(encode(plain))).toEqual({ a: 1 });
});

test('C-72: a prototype that adds anything, a symbol or a hidden method too, is still refused', () => {
  for (const key of ['method', Symbol('s')]) {
    const prototype = Object.defineProperty(Object.create(null) as object, key, { value: () => 1 });
    expect(() => encode(Object.create(prototype))).toThrow(/prototype of its own/);
  }
  expect(() => encode(Object.create(new Proxy({}, {})))).toThrow(/prototype of its own/);
});
