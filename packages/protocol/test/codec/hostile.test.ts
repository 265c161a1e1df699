/** Payloads that nobody's encoder wrote. `judge` also checks that nothing is polluted and that only data came out. */
import { expect, test } from 'vitest';
import { processorTime } from '../../../../tests/support/processor-time.ts';
import { decode, type Payload } from '../../src/codec/index.ts';
import { readers } from '../../src/codec/tags/table.ts';
import { FlameCodecError } from '../../src/errors/index.ts';
import { fuzz, judge } from './fuzz.ts';
import { binaryTags, json, malformed, malformedBytes, part } from './hostile-corpus.ts';
import { payloadOf, samples } from './samples.ts';

test('P03 the hostile corpus names every tag that the decoder knows', () => {
  const known = new Set(['ref', ...[...readers.keys()].map(String)]);
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

test('P03 a tag that is no text is refused', () => {
  for (const tag of [null, 1, true, ['Date'], { $: 'Date' }, { toString: 'Date' }]) {
    expect(judge(json({ $: tag, v: null })), JSON.stringify(tag)).toBe('rejected');
  }
});

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
    { json: `${'{"$":"Error","c":"Error","h":[["cause",'.repeat(1200)}1${']]}'.repeat(1200)}`, parts: [] },
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
    const used = processorTime();
    expect(judge(bomb), bomb.json.slice(0, 60)).toBe('rejected');
    expect(used(), bomb.json.slice(0, 60)).toBeLessThan(60_000);
    expect(process.memoryUsage().rss - before, bomb.json.slice(0, 60)).toBeLessThan(24 * 16 * 1024 * 1024);
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
  const used = processorTime();
  const pattern = decode(json({ $: 'RegExp', v: '^(([a-z])+.)+[A-Z]([a-z])+$', f: '' })) as RegExp;
  expect(pattern.source).toBe('^(([a-z])+.)+[A-Z]([a-z])+$');
  expect(used()).toBeLessThan(2_000);
});

test('P03 the samples that the fuzzer mutates hold every tag', () => {
  const text = samples.map((sample) => payloadOf(sample).json).join('\n');
  const missing = ['ref', ...[...readers.keys()].map(String)].filter((tag) => !text.includes(`{"$":"${tag}"`));
  expect(missing).toEqual([]);
});

test('P03 S-11 20,000 mutated payloads: no error but FlameCodecError, nothing polluted, nothing but data', () => {
  const report = fuzz({ count: 20_000, seed: 1 });
  expect(report.runs).toBe(20_000);
  // Both ways must be walked, or the mutations are too wild or too tame to find anything.
  expect(report.accepted).toBeGreaterThan(2000);
  expect(report.rejected).toBeGreaterThan(2000);
  for (const tag of ['ref', ...[...readers.keys()].map(String)])
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
