import { expect, test, vi } from 'vitest';
import { decode, encode, packPayload, payloadSize } from '../../src/codec/index.ts';
import { writeJson } from '../../src/codec/write-json.ts';
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

/** Runs `run` below so many frames of this function, each as large as a frame of any program's own. */
const below = <T>(frames: number, run: () => T): T => (frames === 0 ? run() : below(frames - 1, run));

test('C-37: how deep a value may be does not depend on how much of the stack its caller has used', () => {
  for (const [name, wrap] of wraps) {
    const deepest = nest(1000, wrap);
    const payload = encode(deepest);
    for (const frames of [2000, 4000, 6000]) {
      // The test's own frames must fit, on whatever machine it runs: this is what tells.
      const fits = (): boolean => {
        try {
          return below(frames + 500, () => true);
        } catch {
          return false;
        }
      };
      if (!fits()) continue;
      expect(
        below(frames, () => encode(deepest)),
        `${name} below ${frames} frames`,
      ).toEqual(payload);
      expect(() => below(frames, () => decode(payload))).not.toThrow();
    }
  }
});

test('C-37: whatever is left of the stack, nothing is said of levels that are not there', () => {
  const deep = nest(900, (inner) => ({ $: inner }));
  const payload = encode(deep);
  const wrong: unknown[] = [];
  for (let frames = 1000; frames < 20_000; frames += 500) {
    for (const run of [() => encode(deep), () => decode(payload)]) {
      try {
        below(frames, run);
      } catch (error) {
        // The caller's own overflow, as such or as the cause.
        if (error instanceof FlameCodecError ? /levels/.test(error.message) : !(error instanceof RangeError))
          wrong.push(error);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('C-37: a getter that recurses for ever is told apart from deep data', () => {
  const endless = {
    get more(): unknown {
      return this.more;
    },
  };
  expect(() => encode({ data: endless })).toThrow(/^value\.data\.more needed more of the call stack than is left/);
});

test('C-37: what a stack of our own writes is what the engine writes', () => {
  for (const tree of [
    [],
    {},
    [[]],
    [{}, []],
    { a: [], b: {} },
    { a: 1, b: [null, true, 'x"\n\u2028', { 'k"': -0.5e-7 }], c: null },
    nest(300, (inner) => [{ inner }, 1]),
    'text',
    null,
    4,
  ]) {
    const stringify = vi.spyOn(JSON, 'stringify').mockImplementationOnce(() => {
      throw new RangeError('Maximum call stack size exceeded');
    });
    const written = writeJson(tree as never);
    stringify.mockRestore();
    expect(written).toBe(JSON.stringify(tree));
  }
});

test('C-71: a table of 250,000 rows of 4 columns travels, with dates as well', () => {
  const rows = (at: unknown): unknown[] => Array.from({ length: 250_000 }, () => ({ a: 1, b: 2, c: 3, d: at }));
  expect((decode(encode(rows(4))) as unknown[]).length).toBe(250_000);
  const dated = encode(rows(null).concat(new Date(5)));
  expect((decode(dated) as unknown[]).at(-1)).toEqual(new Date(5));
});

test('C-71: one value for each 8 bytes of the limit is the most, both ways, and the error says how to send tables', () => {
  const ones = Array.from({ length: 2_097_151 }, () => 1);
  expect((decode(encode(ones)) as unknown[]).length).toBe(2_097_151);
  expect((decode(encode([...ones.slice(2), 1n])) as unknown[]).length).toBe(2_097_150);
  ones.push(1, 1);
  expect(() => encode(ones)).toThrow(
    /more than 2,097,152 values, the most at a `payloadLimit` of 16,777,216 bytes: send a table as a typed array.*bytes.*stream.*or raise `payloadLimit`/,
  );
  expect(() => encode(new Set(Array.from({ length: 2_097_153 }, (_, i) => i)))).toThrow(FlameCodecError);
  expect(() => decode({ json: `[${'0,'.repeat(7_000_000)}0]`, parts: [] })).toThrow(FlameCodecError);
});

test('C-71: a higher `payloadLimit` lets more values travel; a low one never fewer than a million', () => {
  const limit = 2 * 16 * 1024 * 1024;
  const ones = Array.from({ length: 2_500_000 }, () => 1);
  expect((decode(encode(ones, { limit }), { limit }) as unknown[]).length).toBe(2_500_000);
  expect(() => decode(encode([...ones, 1n], { limit }))).toThrow(/more than 2,097,152 values/);
  expect((decode(encode(ones.slice(0, 999_999), { limit: 2_000_001 })) as unknown[]).length).toBe(999_999);
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
