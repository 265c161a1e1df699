import { expect, test, vi } from 'vitest';
import { decode, encode, packPayload, payloadSize } from '../../src/codec/index.ts';
import { FlameCodecError, FlamePayloadTooLargeError } from '../../src/errors/index.ts';

const tooLarge = (value: unknown, options: { limit?: number; root?: string } = {}): FlamePayloadTooLargeError => {
  try {
    encode(value, options);
  } catch (error) {
    expect(error).toBeInstanceOf(FlamePayloadTooLargeError);
    return error as FlamePayloadTooLargeError;
  }
  throw new Error('nothing was refused');
};

/** `count` levels around 1. */
const nest = (count: number, wrap: (inner: unknown) => unknown): unknown => {
  let value: unknown = 1;
  const limit = Error.stackTraceLimit;
  // Traces of a hundred thousand errors would take seconds.
  Error.stackTraceLimit = 0;
  for (let i = 0; i < count; i += 1) value = wrap(value);
  Error.stackTraceLimit = limit;
  return value;
};

test('P04 a value over the limit is refused with its size and the limit', () => {
  const error = tooLarge({ image: Buffer.alloc(2000), note: 'x' }, { limit: 1000, root: 'argument' });
  expect(error.limit).toBe(1000);
  expect(error.size).toBeGreaterThanOrEqual(2000);
  expect(error.message).toMatch(
    /^argument takes 2,0\d\d bytes, over the limit of 1,000 bytes; the largest value is argument\.image with 2,000 bytes$/,
  );
});

test('P04 the limit is 16 MiB unless said otherwise, and exact', () => {
  expect(payloadSize(encode('x'.repeat(16 * 1024 * 1024 - 2)))).toBe(16 * 1024 * 1024);
  expect(tooLarge('x'.repeat(16 * 1024 * 1024 - 1)).size).toBe(16 * 1024 * 1024 + 1);
});

test.each([
  ['plain text', 'x'.repeat(5000)],
  ['many small values', Array.from({ length: 5000 }, (_, i) => i)],
  ['keys', Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`a long key ${i}`, 1]))],
  ['a tagged value', [new Date(0), 'x'.repeat(5000)]],
  ['many small buffers', Array.from({ length: 20 }, () => Buffer.alloc(400))],
  ['an error', new Error('x'.repeat(5000))],
  ['text that grows when it is escaped', '\u0001'.repeat(800)],
  ['text of several bytes a character', '€'.repeat(1500)],
])('P04 every kind of data counts: %s', (_, value) => {
  const { size } = tooLarge(value, { limit: 4000 });
  expect(size).toBeGreaterThan(4000);
  const payload = encode(value, { limit: 1e6 });
  expect(size).toBeLessThanOrEqual(payloadSize(payload));
  expect(() => encode(value, { limit: payloadSize(payload) })).not.toThrow();
  expect(() => encode(value, { limit: payloadSize(payload) - 1 })).toThrow(FlamePayloadTooLargeError);
});

test('PS-07 50 MB are refused without writing them out', () => {
  const value = { text: 'x'.repeat(50_000_000), image: Buffer.alloc(1_000_000) };
  const stringify = vi.spyOn(JSON, 'stringify');
  try {
    const error = tooLarge(value);
    expect(error.size).toBeGreaterThanOrEqual(51_000_000);
    expect(error.message).toContain('value.text with 50,000,002 bytes');
    expect(stringify).not.toHaveBeenCalled();
  } finally {
    stringify.mockRestore();
  }
});

test('P04 the reader has the same limit', () => {
  const payload = encode([Buffer.alloc(3000), 'x'.repeat(3000)]);
  const size = payloadSize(payload);
  expect(() => decode(payload, { limit: size - 1 })).toThrow(/over the limit of [\d,]+ bytes/);
  expect(decode(payload, { limit: size })).toEqual([Buffer.alloc(3000), 'x'.repeat(3000)]);
});

test('PS-06 1 MiB of random bytes is stored at 1.4 times its size at most', () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 2_654_435_761) >>> 24));
  expect(packPayload(encode([bytes])).length).toBeLessThan(1.01 * bytes.length);
});

const wraps: readonly (readonly [string, (inner: unknown) => unknown])[] = [
  ['arrays', (inner) => [inner]],
  ['objects', (inner) => ({ inner })],
  ['objects with the key of tags', (inner) => ({ $: inner })],
  ['null-prototype objects', (inner) => Object.assign(Object.create(null) as object, { inner })],
  ['maps', (inner) => new Map([['k', inner]])],
  ['map keys', (inner) => new Map([[inner, 1]])],
  ['sets', (inner) => new Set([inner])],
  ['causes', (inner) => new Error('e', { cause: inner })],
  ['properties of errors', (inner) => Object.assign(new Error('e'), { inner })],
  ['sparse arrays', (inner) => Object.assign(new Array<unknown>(3), { 1: inner })],
];

test.each(wraps)('P04 1,000 levels of %s travel, 1,001 are refused with the path', (_, wrap) => {
  const deepest = nest(1000, wrap);
  expect(() => decode(encode(deepest))).not.toThrow();
  expect(() => encode(nest(1001, wrap))).toThrow(/nested more than 1,000 levels/);
  expect(() => encode(nest(1001, wrap))).toThrow(FlameCodecError);
});

test.each(wraps)('P04 100,000 levels of %s do not exhaust the stack', (_, wrap) => {
  expect(() => encode(nest(100_000, wrap))).toThrow(FlameCodecError);
});

test('P04 a stack that is nearly used up ends in a FlameCodecError too', () => {
  const deep = nest(900, (inner) => new Map([['k', inner]]));
  const errors = new Set<unknown>();
  const descend = (left: number): void => {
    if (left > 0) descend(left - 1);
    else encode(deep);
  };
  // The frame in which it gives out differs from machine to machine: try many depths.
  for (let depth = 1000; depth < 20_000; depth += 250) {
    try {
      descend(depth);
    } catch (error) {
      errors.add(error);
    }
  }
  const ours = [...errors].filter((error) => error instanceof FlameCodecError);
  const others = [...errors].filter((error) => !(error instanceof FlameCodecError) && !isOwnOverflow(error));
  expect(ours.length).toBeGreaterThan(0);
  expect(others).toEqual([]);
});

/** Of the test's own recursion: the codec was not reached. */
const isOwnOverflow = (error: unknown): boolean =>
  error instanceof RangeError &&
  String(error.stack)
    .split('\n')
    .slice(1, 4)
    .every((line) => line.includes('descend'));

test('P04 a million values are the most, both ways', () => {
  const million = Array.from({ length: 999_999 }, () => 1);
  expect((decode(encode(million)) as unknown[]).length).toBe(999_999);
  expect((decode(encode([...million.slice(2), 1n])) as unknown[]).length).toBe(999_998);
  million.push(1, 1);
  expect(() => encode(million)).toThrow(/more than 1,000,000 values.*typed array/);
  expect(() => encode(new Set(Array.from({ length: 1_000_001 }, (_, i) => i)))).toThrow(FlameCodecError);
  expect(() => decode({ json: `[${'0,'.repeat(3_500_000)}0]`, parts: [] })).toThrow(FlameCodecError);
});

test('P04 a million numbers travel as a typed array, which is one value', () => {
  expect((decode(encode(new Float64Array(1_000_000).fill(0.5))) as Float64Array).length).toBe(1_000_000);
});

test('P04 the length of a sparse array costs nothing on either side', () => {
  const far = (): unknown[] => {
    const array: unknown[] = [];
    array[29_999_999] = 1;
    return array;
  };
  const before = process.memoryUsage().rss;
  const arrived = decode(encode(Array.from({ length: 2000 }, far))) as unknown[][];
  expect(arrived[1999]?.length).toBe(30_000_000);
  // Allocated by its length, one alone would take 240 MB.
  expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
});
