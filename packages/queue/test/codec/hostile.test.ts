/** Payloads that nobody's encoder wrote. `judge` also checks that nothing is polluted and that only data came out. */
import { expect, test } from 'vitest';
import { decode, type Payload } from '../../src/codec/index.ts';
import { decoders } from '../../src/codec/tags/table.ts';
import { FlameCodecError } from '../../src/errors/index.ts';
import { fuzz, judge } from './mutate.ts';
import { payloadOf, samples } from './samples.ts';

const json = (value: unknown, parts: readonly Uint8Array[] = []): Payload => ({ json: JSON.stringify(value), parts });
const part = (length = 8): Uint8Array => new Uint8Array(length);

/** Wrong in one field each; for every tag. */
const malformed: Readonly<Record<string, readonly Payload[]>> = {
  ref: [
    json({ $: 'ref' }),
    json({ $: 'ref', v: 0 }),
    json([{ $: 'ref', v: 1 }, 1n.toString()]),
    json([{ $: 'ref', v: -1 }]),
    json([{ $: 'ref', v: 0.5 }]),
    json([{ $: 'ref', v: '0' }]),
    json([{ $: 'ref', v: 1e9 }]),
    json([{ $: 'ref', v: 'length' }]),
  ],
  num: [
    json({ $: 'num' }),
    json({ $: 'num', v: 1 }),
    json({ $: 'num', v: '1' }),
    json({ $: 'num', v: 'nan' }),
    json({ $: 'num', v: ['NaN'] }),
  ],
  BigInt: [
    json({ $: 'BigInt' }),
    json({ $: 'BigInt', v: 1 }),
    json({ $: 'BigInt', v: '' }),
    json({ $: 'BigInt', v: '0x10' }),
    json({ $: 'BigInt', v: '1n' }),
    json({ $: 'BigInt', v: ' 1' }),
    json({ $: 'BigInt', v: '-0' }),
    json({ $: 'BigInt', v: '01' }),
    json({ $: 'BigInt', v: '9'.repeat(4097) }),
    json({ $: 'BigInt', v: '9'.repeat(1_000_000) }),
  ],
  Date: [
    json({ $: 'Date' }),
    json({ $: 'Date', v: 0 }),
    json({ $: 'Date', v: 'tomorrow' }),
    json({ $: 'Date', v: '2024-02-30' }),
    json({ $: 'Date', v: '2024-13-01T00:00:00.000Z' }),
    json({ $: 'Date', v: ['2024-01-01T00:00:00.000Z'] }),
  ],
  RegExp: [
    json({ $: 'RegExp', v: 'a' }),
    json({ $: 'RegExp', f: 'g' }),
    json({ $: 'RegExp', v: '(', f: '' }),
    json({ $: 'RegExp', v: 'a', f: 'gg' }),
    json({ $: 'RegExp', v: 'a', f: 'q' }),
    json({ $: 'RegExp', v: 1, f: '' }),
    json({ $: 'RegExp', v: 'a'.repeat(70_000), f: '' }),
    json({ $: 'RegExp', v: 'a', f: 'g'.repeat(1000) }),
  ],
  URL: [
    json({ $: 'URL' }),
    json({ $: 'URL', v: '' }),
    json({ $: 'URL', v: '/relative' }),
    json({ $: 'URL', v: 'http://[' }),
    json({ $: 'URL', v: { href: 'http://a' } }),
  ],
  URLSearchParams: [json({ $: 'URLSearchParams' }), json({ $: 'URLSearchParams', v: [['a', 'b']] })],
  Box: [
    json({ $: 'Box' }),
    json({ $: 'Box', v: null }),
    json({ $: 'Box', v: {} }),
    json({ $: 'Box', v: { $: 'undef' } }),
    json({ $: 'Box', v: { $: 'Date', v: null } }),
    json({ $: 'Box', v: { $: 'ref', v: 0 } }),
  ],
  Map: [
    json({ $: 'Map' }),
    json({ $: 'Map', v: {} }),
    json({ $: 'Map', v: [1] }),
    json({ $: 'Map', v: [[1]] }),
    json({ $: 'Map', v: [[1, 2, 3]] }),
    json({ $: 'Map', v: [{ 0: 1, 1: 2, length: 2 }] }),
    json({ $: 'Map', v: 'ab' }),
  ],
  Set: [
    json({ $: 'Set' }),
    json({ $: 'Set', v: {} }),
    json({ $: 'Set', v: 'abc' }),
    json({ $: 'Set', v: [{ $: 'ref', v: 3 }] }),
  ],
  Obj: [
    json({ $: 'Obj' }),
    json({ $: 'Obj', v: {} }),
    json({ $: 'Obj', v: [['a']] }),
    json({ $: 'Obj', v: [[1, 2]] }),
    json({ $: 'Obj', v: [[{ $: 'undef' }, 2]] }),
  ],
  NullObj: [json({ $: 'NullObj' }), json({ $: 'NullObj', v: { a: 1 } }), json({ $: 'NullObj', v: [[null, 1]] })],
  Array: [
    json({ $: 'Array' }),
    json({ $: 'Array', n: 1 }),
    json({ $: 'Array', v: [] }),
    json({ $: 'Array', n: -1, v: [] }),
    json({ $: 'Array', n: 2 ** 32, v: [] }),
    json({ $: 'Array', n: 1.5, v: [] }),
    json({ $: 'Array', n: '2', v: [] }),
    json({ $: 'Array', n: 2, v: [[2, 1]] }),
    json({
      $: 'Array',
      n: 2,
      v: [
        [1, 1],
        [0, 1],
      ],
    }),
    json({
      $: 'Array',
      n: 2,
      v: [
        [0, 1],
        [0, 1],
      ],
    }),
    json({ $: 'Array', n: 2, v: [['0', 1]] }),
    json({ $: 'Array', n: 2, v: [[-1, 1]] }),
    json({ $: 'Array', n: 2, v: [], x: [['0', 1]] }),
    json({ $: 'Array', n: 2, v: [], x: [['length', 0]] }),
    json({ $: 'Array', n: 2, v: [], x: [[0, 0]] }),
    json({ $: 'Array', n: 2, v: [], x: {} }),
  ],
  Class: [
    json({ $: 'Class' }),
    json({ $: 'Class', c: 'Money' }),
    json({ $: 'Class', c: 'Nobody', v: {} }),
    json({ $: 'Class', c: 'Object', v: {} }),
    json({ $: 'Class', c: '__proto__', v: {} }),
    json({ $: 'Class', c: 'constructor', v: {} }),
    json({ $: 'Class', c: 1, v: {} }),
    json({ $: 'Class', c: 'Money', v: { cents: 'many' } }),
    json({ $: 'Class', c: 'Money', v: { $: 'ref', v: 0 } }),
    json({ $: 'Class', c: 'Money', v: { $: 'undef' } }),
  ],
  Error: [
    json({ $: 'Error' }),
    json({ $: 'Error', c: 1 }),
    json({ $: 'Error', c: 'Error', m: {} }),
    json({ $: 'Error', c: 'Error', s: 5 }),
    json({ $: 'Error', c: 'Error', n: [] }),
    json({ $: 'Error', c: 'Error', b: 1 }),
    json({ $: 'Error', c: 'Error', x: {} }),
    json({ $: 'Error', c: 'Error', x: [['a']] }),
    json({ $: 'Error', c: 'Error', x: [[1, 2]] }),
    json({ $: 'Error', c: 'Error', t: 'all' }),
    json({ $: 'Error', c: 'Error', cause: { $: 'ref', v: 7 } }),
  ],
  DOMException: [
    json({ $: 'DOMException' }),
    json({ $: 'DOMException', n: 1 }),
    json({ $: 'DOMException', n: 'AbortError', m: [] }),
    json({ $: 'DOMException', n: 'AbortError', x: 1 }),
  ],
  undef: [],
};

/** The same for all binary tags. */
const malformedBytes = (tag: string): Payload[] => [
  json({ $: tag }),
  json({ $: tag, b: '' }),
  json({ $: tag, n: 0 }),
  json({ $: tag, n: -1, b: '' }),
  json({ $: tag, n: '0', b: '' }),
  json({ $: tag, n: 8, b: '' }),
  json({ $: tag, n: 2 ** 40, b: 'AAAA' }),
  json({ $: tag, n: 3, b: 'AAA' }),
  json({ $: tag, n: 3, b: 'AA!A' }),
  json({ $: tag, n: 3, b: ' AAAA' }),
  json({ $: tag, n: 1, b: 'AB==' }),
  json({ $: tag, n: 3, b: ['AAAA'] }),
  json({ $: tag, n: 8, p: 0 }),
  json({ $: tag, n: 8, p: 1 }, [part()]),
  json({ $: tag, n: 8, p: -1 }, [part()]),
  json({ $: tag, n: 8, p: '0' }, [part()]),
  json({ $: tag, n: 8, p: 'length' }, [part()]),
  json({ $: tag, n: 2 ** 40, p: 0 }, [part()]),
  json({ $: tag, n: 9, p: 0 }, [part()]),
  json(
    [
      { $: tag, n: 8, p: 0 },
      { $: tag, n: 8, p: 0 },
    ],
    [part()],
  ),
  json({ $: tag, n: 8, p: 0 }, [part(), part()]),
];
const binaryTags = [
  'Buffer',
  'ArrayBuffer',
  'DataView',
  ...[...decoders.keys()].map(String).filter((tag) => /^[A-Z]\w+\d+(?:Clamped)?Array$/.test(tag)),
];

test('P03 the hostile corpus names every tag that the decoder knows', () => {
  const known = new Set(['ref', ...[...decoders.keys()].map(String)]);
  const covered = new Set([...Object.keys(malformed), ...binaryTags]);
  expect([...known].filter((tag) => !covered.has(tag))).toEqual([]);
  expect([...covered].filter((tag) => !known.has(tag))).toEqual([]);
});

test.each(Object.entries(malformed))('P03 wrong fields of %s are refused', (_, payloads) => {
  for (const payload of payloads) {
    expect(judge(payload), payload.json.slice(0, 200)).toBe('rejected');
    // Inside other values too, where other objects come before.
    const inner: unknown = JSON.parse(payload.json);
    if (!payload.json.includes('"ref"')) expect(judge(json({ a: [new Map(), { b: inner }] }))).toBe('rejected');
  }
});

test.each(binaryTags)('P03 wrong binary fields of %s are refused', (tag) => {
  for (const payload of malformedBytes(tag)) expect(judge(payload), payload.json).toBe('rejected');
});

test.each(['Int16Array', 'Float64Array', 'BigUint64Array'])('P03 half an element of %s is refused', (tag) => {
  expect(judge(json({ $: tag, n: 3, b: 'AAAA' }))).toBe('rejected');
});

test.each([
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'Function',
  'Object',
  'Promise',
  'GeneratorFunction',
  'WeakMap',
  'SharedArrayBuffer',
  'Proxy',
  'Symbol',
  'function',
  'eval',
  'def',
  'hole',
  'date',
  'Date ',
  '',
])('P03 an unknown tag is refused: "%s"', (tag) => {
  expect(judge(json({ $: tag, v: 'process.exit(1)' }))).toBe('rejected');
  expect(judge(json([{ $: tag }]))).toBe('rejected');
  expect(judge(json({ $: tag.repeat(10_000), v: 1 }))).toBe('rejected');
});

test.each([null, 1, true, ['Date'], { $: 'Date' }, { toString: 'Date' }])(
  'P03 a tag that is no text is refused: %o',
  (tag) => {
    expect(judge(json({ $: tag, v: null }))).toBe('rejected');
  },
);

test('P03 what is no JSON at all is refused', () => {
  for (const text of [
    '',
    ' ',
    'undefined',
    '{',
    '[1,',
    '"',
    'nul',
    '{"a":}',
    '\u0000',
    '{"$":"Date","v":',
    `{"$":"undef"}x`,
    '\ufeff1',
  ]) {
    expect(judge({ json: text, parts: [] }), text).toBe('rejected');
  }
  expect(() => decode({ parts: [] } as unknown as Payload)).toThrow(FlameCodecError);
  expect(() => decode({ json: '1', parts: [part()] })).toThrow(FlameCodecError);
});

test('P03 keys of prototypes become own data, in every kind of object', () => {
  const text = '{"__proto__":{"x":1},"constructor":{"prototype":{"x":2}},"toString":"t","a":{"$":"undef"}}';
  const object = decode({ json: text, parts: [] }) as object;
  expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  expect(Object.keys(object)).toEqual(['__proto__', 'constructor', 'toString', 'a']);
  for (const tagged of [
    { $: 'Obj', v: [['__proto__', { x: 1 }]] },
    { $: 'Array', n: 0, v: [], x: [['__proto__', { x: 1 }]] },
    {
      $: 'Error',
      c: 'Error',
      x: [
        ['__proto__', { x: 1 }],
        ['constructor', 1],
      ],
    },
  ]) {
    const value = decode(json(tagged)) as object;
    expect(Object.hasOwn(value, '__proto__')).toBe(true);
    expect((value as { x?: unknown }).x).toBeUndefined();
    expect([Object.prototype, Array.prototype, Error.prototype]).toContain(Object.getPrototypeOf(value));
  }
  expect(judge({ json: text, parts: [] })).toBe('accepted');
  expect(({} as { x?: unknown }).x).toBeUndefined();
});

test('P03 a duplicate key counts once, as JSON says', () => {
  expect(judge({ json: '{"$":"Date","$":"Set","v":[1],"v":[2]}', parts: [] })).toBe('accepted');
  expect(decode({ json: '{"$":"Date","$":"Set","v":[1],"v":[2]}', parts: [] })).toEqual(new Set([2]));
});

test('P03 an error can have no accessor of its class set, and no constructor run', () => {
  const error = decode(
    json({
      $: 'Error',
      c: 'FlameCodecError',
      b: 'Error',
      m: 'm',
      x: [
        ['toJSON', 'text'],
        ['name', 'other'],
        ['stack', 'mine'],
      ],
    }),
  );
  expect(Object.getPrototypeOf(error)).toBe(FlameCodecError.prototype);
  expect({ ...(error as object) }).toEqual({ toJSON: 'text', name: 'other', stack: 'mine' });
  expect((decode(json({ $: 'Error', c: 'Function', m: 'm' })) as Error).constructor).toBe(Error);
});

test('P03 a tag spelled with escapes or spaces is data, since no encoder writes it', () => {
  expect(decode({ json: '{"\\u0024":"Date","v":null}', parts: [] })).toEqual({ $: 'Date', v: null });
  expect(decode({ json: '{"$" :"Date","v":null}', parts: [] })).toEqual({ $: 'Date', v: null });
});

test('P03 S-11 bombs end soon, take little memory, and are refused', () => {
  const million = 1_000_000;
  const bombs: Payload[] = [
    { json: '['.repeat(8 * million), parts: [] },
    { json: `${'['.repeat(million)}${']'.repeat(million)}`, parts: [] },
    { json: `${'{"a":'.repeat(million)}1${'}'.repeat(million)}`, parts: [] },
    { json: `${'{"$":"Set","v":['.repeat(5000)}${']}'.repeat(5000)}`, parts: [] },
    { json: `${'{"$":"Box","v":'.repeat(5000)}1${'}'.repeat(5000)}`, parts: [] },
    { json: `${'{"$":"Error","c":"Error","cause":'.repeat(1200)}1${'}'.repeat(1200)}`, parts: [] },
    { json: `[${'{},'.repeat(5 * million)}{}]`, parts: [] },
    { json: `[${'{"$":0},'.repeat(2 * million)}{}]`, parts: [] },
    { json: `{"$":"Set","v":[${'[],'.repeat(3 * million)}[]]}`, parts: [] },
    { json: `[${`{"$":"BigInt","v":"${'9'.repeat(4097)}"},`.repeat(3000)}1]`, parts: [] },
    json(
      Array.from({ length: 10_000 }, () => ({ $: 'Buffer', n: 5_000_000, p: 0 })),
      [part(5 * million)],
    ),
    json({ $: 'Float64Array', n: 2 ** 50, b: '' }),
    { json: `"${'\\'.repeat(9 * million)}`, parts: [] },
    { json: '"'.repeat(9 * million), parts: [] },
    { json: 'x'.repeat(17 * million), parts: [] },
  ];
  for (const bomb of bombs) {
    const before = process.memoryUsage().rss;
    const started = performance.now();
    expect(judge(bomb), bomb.json.slice(0, 60)).toBe('rejected');
    expect(performance.now() - started, bomb.json.slice(0, 60)).toBeLessThan(5000);
    expect(process.memoryUsage().rss - before, bomb.json.slice(0, 60)).toBeLessThan(10 * 16 * 1024 * 1024);
  }
});

test('P03 S-18 lengths that only stand in the payload allocate nothing', () => {
  const before = process.memoryUsage().rss;
  const arrays = Array.from({ length: 20_000 }, (_, i) => ({
    $: 'Array',
    n: [1024, 31_000_000, 2 ** 32 - 1][i % 3],
    v: [],
  }));
  expect(judge(json(arrays))).toBe('accepted');
  expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
});

test('P03 a pattern of very many groups ends in a pattern or in a FlameCodecError', () => {
  const nested = `${'('.repeat(30_000)}${')'.repeat(30_000)}`;
  expect(['accepted', 'rejected']).toContain(judge(json({ $: 'RegExp', v: nested, f: '' })));
  expect(['accepted', 'rejected']).toContain(judge(json({ $: 'RegExp', v: '(?:'.repeat(21_000), f: 'v' })));
});

test('P03 a pattern that backtracks for ever is made, not run', () => {
  const started = performance.now();
  const pattern = decode(json({ $: 'RegExp', v: '^(([a-z])+.)+[A-Z]([a-z])+$', f: '' })) as RegExp;
  expect(pattern.source).toBe('^(([a-z])+.)+[A-Z]([a-z])+$');
  expect(performance.now() - started).toBeLessThan(1000);
});

test('P03 the samples that the fuzzer mutates hold every tag', () => {
  const text = samples.map((sample) => payloadOf(sample).json).join('\n');
  const missing = ['ref', ...[...decoders.keys()].map(String)].filter((tag) => !text.includes(`{"$":"${tag}"`));
  expect(missing).toEqual([]);
});

test('P03 S-11 20,000 mutated payloads: no error but FlameCodecError, nothing polluted, nothing but data', () => {
  const report = fuzz({ count: 20_000, seed: 1 });
  expect(report.runs).toBe(20_000);
  // Both ways must be walked, or the mutations are too wild or too tame to find anything.
  expect(report.accepted).toBeGreaterThan(2000);
  expect(report.rejected).toBeGreaterThan(2000);
  for (const tag of ['ref', ...[...decoders.keys()].map(String)])
    expect(report.tags.get(tag) ?? 0, tag).toBeGreaterThan(50);
});

test('P03 the rules of the fuzzer can be broken: it finds pollution and functions', () => {
  const payload = { json: '1', parts: [] };
  Object.defineProperty(Object.prototype, 'polluted', { value: 1, configurable: true });
  try {
    expect(() => judge(payload)).toThrow(/was changed/);
  } finally {
    Reflect.deleteProperty(Object.prototype, 'polluted');
  }
  expect(judge(payload)).toBe('accepted');
});
