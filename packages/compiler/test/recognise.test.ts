import { expect, test } from 'vitest';
import { compileText, countOf } from './support.ts';

const call = 'flame.call(x, () => 1)';
const ts = { file: 'src/a.ts', module: 'src/a.ts' };
const cjs = { file: 'src/a.cjs', module: 'src/a.cjs' };

test('what createFlame returns is a Flame, under any name', () => {
  expect(countOf(`import { createFlame } from '@flamejs/queue'; const flame = createFlame(c); ${call}`)).toBe(1);
  expect(
    countOf(`import { createFlame as make } from '@flamejs/queue'; export const f = await make(c); f.call(x, () => 1)`),
  ).toBe(1);
  expect(countOf(`import * as queue from '@flamejs/queue'; const f = queue.createFlame(c); f.cast(() => 1)`)).toBe(1);
  expect(countOf(`import { createFlame } from '@flamejs/queue'; createFlame(c).call(x, () => 1)`)).toBe(1);
  expect(countOf(`import { createFlame } from 'elsewhere'; const flame = createFlame(c); ${call}`)).toBe(0);
});

test('`flame` imported from the application is a Flame, from a package it is not', () => {
  for (const source of ['./flame', '../flame.ts', '@/flame', '~/lib/flame.js', '#flame', '$lib/flame']) {
    expect(countOf(`import { flame } from '${source}'; ${call}`), source).toBe(1);
  }
  expect(countOf(`import { flame } from 'other'; ${call}`)).toBe(0);
  expect(countOf(`import { flame } from '@scope/other'; ${call}`)).toBe(0);
  expect(countOf(`import { flame } from 'app/flame'; ${call}`)).toBe(0);
  expect(countOf(`import { flame } from 'app/flame'; ${call}`, { options: { aliases: ['app/'] } })).toBe(1);
});

test('the imported name counts, not the local one', () => {
  expect(countOf(`import { flame as z } from './flame.ts'; (0, z.call)(x, () => 1)`)).toBe(1);
  expect(countOf(`import { spark as flame } from './flame.ts'; ${call}`)).toBe(0);
  expect(countOf(`import * as own from './flame.ts'; own.flame.call(x, () => 1)`)).toBe(1);
});

test('modules listed in `sources` count whatever they are called, with default and namespace imports', () => {
  const options = { sources: ['@acme/platform', './src/spark.ts'] };
  expect(countOf(`import { flame } from '@acme/platform'; ${call}`, { options })).toBe(1);
  expect(countOf(`import platform from '@acme/platform'; platform.call(x, () => 1)`, { options })).toBe(1);
  expect(countOf(`import * as all from '@acme/platform'; all.flame.call(x, () => 1)`, { options })).toBe(1);
  expect(countOf(`import spark from './spark.js'; spark.call(x, () => 1)`, { options })).toBe(1);
  expect(countOf(`import spark from '../src/spark'; spark.call(x, () => 1)`, { options })).toBe(1);
  expect(countOf(`import spark from './other.js'; spark.call(x, () => 1)`, { options })).toBe(0);
  expect(countOf(`import platform from '@acme/platform'; platform.call(x, () => 1)`)).toBe(0);
});

test('a local variable called flame is left alone', () => {
  expect(countOf(`import { flame } from './flame.ts'; function f(flame) { ${call} }`)).toBe(0);
  expect(countOf(`import { flame } from './flame.ts'; { const flame = { call() {} }; ${call} }`)).toBe(0);
  expect(countOf(`const flame = { call() {} }; ${call}`)).toBe(0);
});

test('a type-only import is no Flame', () => {
  expect(countOf(`import type { flame } from './flame.ts'; declare const y: any; ${call}`, ts)).toBe(0);
  expect(countOf(`import { type flame } from './flame.ts'; ${call}`, ts)).toBe(0);
});

test('constants that hold a method or the Flame are followed, variables that change are not', () => {
  const from = `import { flame } from './flame.ts';`;
  expect(countOf(`${from} const { call: go } = flame; function f(a) { go(p, () => a) }`)).toBe(1);
  expect(
    countOf(`import * as own from './flame.ts'; const { flame: { call } } = own; const c = call; c(p, () => 1)`),
  ).toBe(1);
  expect(countOf(`${from} const other = flame; other.cast(() => 1)`)).toBe(1);
  expect(countOf(`${from} let { call } = flame; call = other; call(p, () => 1)`)).toBe(0);
  expect(countOf(`${from} const a = b, b = a; a.call(p, () => 1)`)).toBe(0);
});

test('casts, parentheses, optional calls and sequences do not hide a call or its function', () => {
  const from = `import { flame } from './flame.ts';`;
  expect(countOf(`${from} (flame as any)!.call(x, ((() => 1) as any)!)`, ts)).toBe(1);
  expect(countOf(`${from} flame?.call?.(x, (async () => 1))`)).toBe(1);
  expect(countOf(`${from} flame.call<number>(x, <() => number>(() => 1))`, ts)).toBe(1);
});

test('every method that takes a function is compiled, other methods are not', () => {
  const from = `import { flame } from './flame.ts';`;
  for (const text of [
    'flame.call(() => 1)',
    'flame.call(pool, () => 1)',
    'flame.cast(pool, (a) => a, 1)',
    'flame.map((x) => x * 2, [1, 2])',
    'flame.map(pool, (x) => x * 2, [1, 2])',
    'flame.fn(async (x) => x)',
    "flame.fn({ pool: 'images' }, async (x) => x)",
    "flame.schedule('nightly', { cron: '* * * * *' }, () => 1)",
    "flame.schedule('nightly', { cron: '* * * * *' }, pool, (n) => n, 1)",
    'flame.placeChild(() => 1)',
    'flame.placeChild(pool, (n) => n, 1)',
  ]) {
    expect(countOf(`${from} ${text}`), text).toBe(1);
  }
  expect(countOf(`${from} flame.attach(() => 1); flame.on('x', () => 1)`)).toBe(0);
});

test('flame.fn with a name needs no compiler and is left as it is', () => {
  const from = `import { flame } from './flame.ts';`;
  expect(countOf(`${from} export const f = flame.fn('resize', { pool: 'images' }, async (x) => x)`)).toBe(0);
});

test('both branches of a conditional are compiled', () => {
  const from = `import { flame } from './flame.ts';`;
  expect(countOf(`${from} flame.call(pool, cond ? async () => 1 : async () => 2)`)).toBe(2);
  expect(countOf(`${from} flame.call(pool, cond && (async () => 1))`)).toBe(1);
});

test('functions of the module and imported ones may be passed by name; arguments after them are left alone', () => {
  const code = (text: string) =>
    compileText(
      `import { flame } from './flame.ts'; import { resize } from './resize.ts';
       const images = flame.pool('images'), size = 1, tasks = { a() {} };
       function local() {} const made = flame.fn(async () => 1); ${text}`,
    )?.functions.map(({ name }) => name) ?? [];
  expect(code('flame.call(local, 1)')).toEqual(['made', '=local']);
  expect(code('flame.call(images, resize, 1, 2)')).toEqual(['made', '=resize']);
  expect(code("flame.schedule('x', {}, images, resize, 1)")).toEqual(['made', '=resize']);
  expect(code("flame.schedule('x', {}, made, resize)")).toEqual(['made']);
  expect(code('flame.map(images, resize, [1])')).toEqual(['made', '=resize']);
  expect(code('flame.placeChild(images, local, 1)')).toEqual(['made', '=local']);
  expect(code('flame.call(resize, images)')).toEqual(['made', '=resize']);
  expect(code('flame.call(local, resize)')).toEqual(['made', '=local']);
  expect(code('flame.call(made, resize)')).toEqual(['made']);
  expect(code('flame.call(tasks.a)')).toEqual(['made', '=tasks.a']);
  expect(code('flame.fn({}, local)')).toEqual(['made', '=local']);
  expect(code('flame.call(resize); flame.call(resize)')).toEqual(['made', '=resize']);
  expect(code('flame.call(images.x[1], size, unknown)')).toEqual(['made']);
});

test('CommonJS: require in all the forms that other compilers write', () => {
  expect(countOf(`const { flame } = require('./flame'); ${call}`, cjs)).toBe(1);
  expect(countOf(`const { createFlame } = require('@flamejs/queue'); const flame = createFlame(); ${call}`, cjs)).toBe(
    1,
  );
  expect(countOf(`var import_flame = require("./flame"); (0, import_flame.flame.call)(x, () => 1);`, cjs)).toBe(1);
  expect(countOf(`const flame_1 = __importStar(require("./flame.js")); flame_1.flame.call(x, () => 1);`, cjs)).toBe(1);
  expect(
    countOf(
      `"use strict"; exports.flame = void 0; const queue_1 = require("@flamejs/queue");
       exports.flame = (0, queue_1.createFlame)({}); exports.flame.call(x, () => 1);`,
      cjs,
    ),
  ).toBe(1);
  expect(
    countOf(`const platform = __importDefault(require('@acme/p')); platform.default.call(x, () => 1)`, {
      ...cjs,
      options: { sources: ['@acme/p'] },
    }),
  ).toBe(1);
  expect(countOf(`import f = require('./flame'); f.flame.call(x, () => 1)`, { file: 'a.cts', module: 'a.cts' })).toBe(
    1,
  );
});

test('a file that does not mention flame is not even parsed', () => {
  expect(compileText(`const x = () => 1; this is not JavaScript`)).toBeUndefined();
});

test('a file that does not parse is left to whoever reports syntax errors', () => {
  expect(compileText(`import { flame } from './flame'; flame.call(x, () => {`)).toBeUndefined();
});
