/** What a function comes to must not depend on where the compiler puts it: every program runs in place, and compiled. */
import { createRequire } from 'node:module';
import * as runtime from '@flamejs/queue/closures';
import { transformSync } from 'oxc-transform';
import { expect, test } from 'vitest';
import { compile, compileText, errorsOf, errorsOfText, warningsOf } from './support.ts';

const require = createRequire(import.meta.url);

/** Runs CommonJS, and returns what it exports as `run()` returns it. */
function evaluate(code: string, flame: object): unknown {
  const module = { exports: {} as { run?: () => unknown } };
  const load = (name: string): unknown =>
    name === './flame.cjs' ? { flame, p: {} } : name === '@flamejs/queue/closures' ? runtime : require(name);
  new Function('require', 'module', 'exports', code)(load, module, module.exports);
  return module.exports.run?.();
}

const inPlace = { call: (_: object, fn: (...args: unknown[]) => unknown, ...args: unknown[]) => fn(...args) };
const hoisted = {
  call: (_: object, fn: unknown, ...args: unknown[]) => {
    if (!runtime.isClosure(fn)) throw new Error('not compiled');
    return (fn.factory(structuredClone(fn.captures)) as (...args: unknown[]) => unknown)(...args);
  },
};

const HEAD = `const { flame, p } = require('./flame.cjs');\n`;

/** Of a CommonJS file that exports `run`. */
function bothWays(body: string, file = 'src/a.cjs'): readonly [inPlace: unknown, compiled: unknown] {
  const plain = (code: string): string =>
    transformSync(file.replace(/x$/, ''), code, { lang: 'ts', sourceType: 'commonjs' }).code;
  const compiled = compileText(HEAD + body, { file, module: file });
  if (compiled === undefined) throw new Error(`nothing was compiled in ${body}`);
  return [evaluate(plain(HEAD + body), inPlace), evaluate(plain(compiled.code), hoisted)];
}

const same = (body: string, expected: unknown): void => expect(bothWays(body), body).toEqual([expected, expected]);
const refusedCommonjs = (body: string): readonly string[] =>
  errorsOfText(HEAD + body, { file: 'src/a.cjs', module: 'src/a.cjs' });

test('K-01: a function of a class is strict after it has moved out of it', () => {
  same(
    `class A { static go() { return flame.call(p, () => (function () { return this === undefined; })()); } } exports.run = () => A.go();`,
    true,
  );
  same(
    `class A { static go(k) { return flame.call(p, () => [k, (function () { return this === undefined; })()]); } } exports.run = () => A.go(1);`,
    [1, true],
  );
});

test("K-01: under 'use strict' an undeclared name stays undeclared", () => {
  const body = `exports.run = () => { 'use strict'; const k = 1; return flame.call(p, () => { try { __leaked_k01 = k; return 'leaked'; } catch (error) { return error.name; } }); };`;
  same(body, 'ReferenceError');
  expect(Object.hasOwn(globalThis, '__leaked_k01')).toBe(false);
});

test('K-01: what was sloppy stays sloppy, and the two have different hashes', () => {
  same(`exports.run = () => flame.call(p, () => (function () { return this === globalThis; })());`, true);
  const hashOf = (body: string) =>
    compileText(HEAD + body, { file: 'src/a.cjs', module: 'src/a.cjs' })?.functions[0]?.id.split('@')[1];
  const text = `flame.call(p, () => (function () { return this; })())`;
  expect(hashOf(`function f() { ${text} }`)).not.toBe(hashOf(`function f() { 'use strict'; ${text} }`));
});

test('K-02: only plain functions in a block are variables of the function around it', () => {
  const helper = (declaration: string) =>
    `const helper = 'outer'; exports.run = () => flame.call(p, () => { if (true) { ${declaration} } return typeof helper; });`;
  const capturing = (declaration: string) =>
    `exports.run = () => { const helper = 'outer'; return flame.call(p, () => { if (true) { ${declaration} } return typeof helper; }); };`;
  for (const of of [helper, capturing]) {
    for (const declaration of ['async function helper() {}', 'function* helper() {}', 'async function* helper() {}'])
      same(of(declaration), 'string');
    same(of('function helper() {}'), 'function');
  }
});

test('K-02: a block function does not escape past a `let`, a parameter, or a pattern in `catch`', () => {
  const body = (inner: string, parameter = '') =>
    `exports.run = () => { const helper = 'outer'; return flame.call(p, (${parameter}) => { ${inner} }); };`;
  same(body(`{ let helper = 1; { function helper() {} } } return typeof helper;`), 'string');
  same(body(`{ function helper() {} } return typeof helper;`, 'helper = 1'), 'number');
  same(body(`try { throw {}; } catch ({ helper }) { { function helper() {} } } return typeof helper;`), 'string');
  same(body(`try { throw {}; } catch (helper) { { function helper() {} } } return typeof helper;`), 'function');
  same(
    body(`for (let helper = 0; helper < 1; helper++) { function helper() {} break; } return typeof helper;`),
    'string',
  );
});

test('K-02: a function after `if`, a label, and in a `switch` is one in a block', () => {
  const body = (inner: string) =>
    `exports.run = () => { const helper = 'outer'; return flame.call(p, () => { ${inner} return typeof helper; }); };`;
  same(body(`if (true) function helper() {}`), 'function');
  same(body(`label: function helper() {}`), 'function');
  same(body(`switch (1) { case 1: function helper() {} }`), 'function');
  same(body(`'use strict'; { function helper() {} }`), 'string');
});

test('K-03: a name that another block of the namespace exports is refused, and its whole path works', () => {
  const blocks = (second: string) => `const a = 'module'; namespace N { export const a = 'ns'; } ${second}`;
  expect(errorsOf(blocks(`namespace N { export const go = () => flame.call(p, () => a); }`))).toEqual(['FLAME116']);
  expect(errorsOf(blocks(`namespace N { export const go = () => flame.call(p, () => N.a); }`))).toEqual([]);
  expect(errorsOf(blocks(`namespace M { export const go = () => flame.call(p, () => a); }`))).toEqual([]);
});

test('K-03: blocks merge whatever their order, their depth and the way they are written', () => {
  for (const body of [
    `namespace N { export const go = () => flame.call(p, () => a); } namespace N { export let a = 1; }`,
    `namespace A.B { export const a = 1; } namespace A { export namespace B { export const go = () => flame.call(p, () => a); } }`,
    `namespace A { export const a = 1; } namespace A.B { export const go = () => flame.call(p, () => a); }`,
    `namespace N { export function a() {} } namespace N { export const go = () => flame.call(p, () => a()); }`,
  ])
    expect(errorsOf(`const a = 0; ${body}`), body).toEqual(['FLAME116']);
});

test('K-03: what a block does not export is its own, and a block may capture what is its own', () => {
  const hidden = `const a = 1; namespace N { const a = 2; } namespace N { export const go = () => flame.call(p, () => a); }`;
  expect(compile(hidden).functions[0]?.captures).toEqual([]);
  const own = `const a = 1; namespace N { export const a = 2; export const go = () => flame.call(p, () => a); }`;
  expect(compile(own).functions[0]?.captures).toEqual(['a']);
});

test('K-04: a class that names itself is not the variable that another class was put into', () => {
  const body = `let M = class M { static tag = 'own'; static go() { return flame.call(p, () => M.tag); } }; const first = M;`;
  expect(refusedCommonjs(`${body} M = class { static tag = 'other' };`)).toEqual(['FLAME106']);
  same(`${body} exports.run = () => first.go();`, 'own');
});

test('K-04: the same for a declared class, and for one that is assigned somewhere else', () => {
  expect(
    refusedCommonjs(
      `class M { static go() { return flame.call(p, () => M.tag); } } exports.set = (other) => { M = other; };`,
    ),
  ).toEqual(['FLAME106']);
  expect(
    refusedCommonjs(`class M { static go() { return flame.call(p, () => M.tag); } } function f(M) { M = 1; }`),
  ).toEqual([]);
});

test('K-05: names that a direct eval around the call may declare are refused', () => {
  const f = (body: string) =>
    `const x = 'module'; exports.run = () => (function (code) { ${body} })('var x = "local"');`;
  expect(refusedCommonjs(f(`eval(code); return flame.call(p, () => x);`))).toEqual(['FLAME110']);
  expect(refusedCommonjs(f(`{ eval(code); } return (() => flame.call(p, () => x))();`))).toEqual(['FLAME110']);
  expect(
    refusedCommonjs(`const x = 1; exports.run = (a = eval('var x = 2'), b = flame.call(p, () => x)) => b;`),
  ).toEqual(['FLAME110']);
});

test('K-05: an eval that can declare nothing here is no reason to refuse', () => {
  const f = (body: string) =>
    `const x = 'module'; exports.run = () => (function (code) { ${body} })('var x = "local"');`;
  same(f(`'use strict'; eval(code); return flame.call(p, () => x);`), 'module');
  same(f(`(() => eval(code))(); return flame.call(p, () => x);`), 'module');
  same(f(`(0, eval)('1'); return flame.call(p, () => x);`), 'module');
  // What is captured is read where the call stands, and there eval has done what it did.
  same(`exports.run = () => { let n = 1; eval('n = 2'); return flame.call(p, () => n); };`, 2);
});

test('K-06: a comment to compilers at the top of the file stays there', () => {
  const file = (pragma: string) =>
    `${pragma}\nimport { flame } from './flame.ts';\nexport const go = (a) => flame.call({}, () => <b>{a}</b>);\n`;
  for (const pragma of [
    '/** @jsx h */',
    '/** @jsxImportSource preact */',
    '// @ts-nocheck',
    "'use client';",
    '/* a */ // b',
  ]) {
    const { code = '' } = compileText(file(pragma)) ?? {};
    expect(code.startsWith(pragma), code).toBe(true);
    expect(code.split('\n').findIndex((line) => line.includes('./flame.ts'))).toBe(1);
  }
});

test('K-06: a stripper that reads the comment makes what it says', () => {
  const source = `/** @jsx h */\nimport { flame } from './flame.ts';\nexport const go = (a) => flame.call({}, () => <b>{a}</b>);\n`;
  const { code = '' } = compileText(source) ?? {};
  expect(transformSync('a.tsx', code, { jsx: { runtime: 'classic' } }).code).toContain('h("b"');
});

test('K-06: decorators, directives and a first line for the shell keep their places, too', () => {
  const decorated = compileText(
    `@sealed export class A { go() { return flame.call(() => 1); } } import { flame } from './flame.ts';`,
  );
  expect(decorated?.code).toMatch(/^import \* as __flame .*; @sealed export class A/);
  const shell = compileText(
    `#!/usr/bin/env node\n'use strict';\n/* why */ const { flame } = require('./flame.cjs'); flame.call(() => 1);`,
    { file: 'a.cjs', module: 'a.cjs' },
  );
  expect(shell?.code.split('\n').slice(0, 2)).toEqual(['#!/usr/bin/env node', "'use strict';"]);
  expect(shell?.code.split('\n')[2]).toMatch(/^\/\* why \*\/ const __flame = require/);
});

test('K-13: a function made by flame.fn that captures is refused', () => {
  expect(errorsOf(`const mk = (k) => flame.fn({ pool: 'x' }, async (x) => x + k);`)).toEqual(['FLAME115']);
  expect(
    errorsOf(`function mk() { const k = 1; return { job: flame.fn({ pool: 'x' }, async (x) => x + k) }; }`),
  ).toEqual(['FLAME115']);
  expect(errorsOf(`for (const k of [1]) flame.fn({ pool: 'x' }, cond ? (x) => x : (x) => x + k);`)).toEqual([
    'FLAME115',
  ]);
});

test('K-13: what stands at module level, and what a call captures, is not', () => {
  expect(errorsOf(`const k = 1; const mk = () => flame.fn({ pool: 'x' }, async (x) => x + k);`)).toEqual([]);
  expect(errorsOf(`const mk = (k) => flame.call(p, async (x) => x + k, 1);`)).toEqual([]);
});

test('K-18: reading what a function fills at run time is warned about', () => {
  const read = (declaration: string, fill: string, use: string) =>
    warningsOf(
      `${declaration}; export const fill = (k, v) => { ${fill} }; export const go = () => flame.call(p, () => ${use});`,
    );
  for (const [declaration, fill, use] of [
    ['const cache = new Map()', 'cache.set(k, v);', 'cache.get(1)'],
    ['const list: string[] = []', 'list.push(v);', 'list.length'],
    ['const seen = new Set<string>()', 'seen.add(v);', 'seen.size'],
    ['const state = { user: null, items: [] }', 'state.user = v;', 'state.user'],
    ['const state = { user: null, items: [] }', 'state.items.push(v);', 'state.items'],
    ['const byId = {}', '(byId[k] ??= []).push(v);', 'byId[1]'],
    ['const byId = Object.create(null)', 'delete byId[k];', 'byId[1]'],
    ['const options = {}', 'Object.assign(options, v);', 'options.a'],
    ['class Store { static items = new Map() }', 'Store.items.set(k, v);', 'Store.items.size'],
    ['const list = []', 'list.length = 0;', 'list'],
  ] as const)
    expect(read(declaration, fill, use), fill).toEqual(['FLAME202']);
});

test('K-18: state that is filled in `if (!flame.isRunner)` is not there on a runner', () => {
  expect(
    warningsOf(
      `const table = new Map(); if (!flame.isRunner) { table.set(1, 2); } export const go = () => flame.call(p, () => table.get(1));`,
    ),
  ).toEqual(['FLAME202']);
});

test('K-18: what every machine fills as it loads, what is no data, and what the function fills itself is not', () => {
  for (const body of [
    `const table = new Map(); for (const n of [1, 2]) table.set(n, n * n); export const go = () => flame.call(p, () => table.get(1));`,
    `const redis = connect(); const set = (k, v) => redis.set(k, v); export const go = () => flame.call(p, () => redis.get('k'));`,
    `const clients = { redis: connect() }; const set = (k, v) => clients.redis.set(k, v); export const go = () => flame.call(p, () => clients.redis.get('k'));`,
    `const memo = new Map(); export const go = () => flame.call(p, () => { memo.set(1, 2); return memo.get(1); });`,
    `const list = []; function f(list) { list.push(1); } export const go = () => flame.call(p, () => list.length);`,
  ])
    expect(warningsOf(body), body).toEqual([]);
});
