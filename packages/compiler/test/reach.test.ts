/** How far the compiler follows a program: what other compilers have written, long expressions, many closures, forms of naming. */
import { createFlame, defineConfig } from '@flamejs/queue';
import { expect, test } from 'vitest';
import { compile, compileText, countOf, errorsOf, errorsOfText } from './support.ts';

const cjs = { file: 'dist/a.js', module: 'dist/a.js' };
const namesOf = (code: string, overrides = {}): readonly string[] =>
  compileText(code, overrides)?.functions.map(({ name }) => name) ?? [];

const TSC = `"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.other = exports.job = void 0;
const flame_js_1 = require("./flame.js");
const images = flame_js_1.flame.pool('images');
`;

test('K-09: a function that tsc exports and passes by name is registered under it', () => {
  const code = `${TSC}const job = async (n) => n; exports.job = job;\nexports.run = () => flame_js_1.flame.call(images, exports.job, 1);`;
  expect(namesOf(code, cjs)).toEqual(['=exports.job']);
  expect(compileText(code, cjs)?.code).toContain('() => exports.job, null');
});

test('K-09: declared functions, assigned literals and `module.exports` as well; what is no function stays as it is', () => {
  expect(
    namesOf(`${TSC}exports.job = job; async function job() {} flame_js_1.flame.call(images, exports.job);`, cjs),
  ).toEqual(['=exports.job']);
  expect(namesOf(`${TSC}exports.job = async () => 1; flame_js_1.flame.call(images, module.exports.job);`, cjs)).toEqual(
    ['=module.exports.job'],
  );
  expect(
    countOf(`${TSC}exports.images = { pool: 'images' }; flame_js_1.flame.call(exports.images, imported);`, cjs),
  ).toBe(0);
});

const AWAITER = `var __awaiter = (this && this.__awaiter) || function (thisArg, _arguments, P, generator) { return generator; };\n`;

test('K-09: `__awaiter(this, …)` is no use of `this` where the async function had none', () => {
  const run = (call: string) => errorsOfText(`${TSC}${AWAITER}class A { go(n) { return ${call}; } }`, cjs);
  for (const helper of ['__awaiter', 'tslib_1.__awaiter', '(0, tslib_1.__awaiter)']) {
    expect(
      run(`flame_js_1.flame.call(images, () => ${helper}(this, void 0, void 0, function* () { return yield n; }))`),
    ).toEqual([]);
    expect(
      run(
        `flame_js_1.flame.call(images, function () { return ${helper}(this, arguments, void 0, function* () { return n; }); })`,
      ),
    ).toEqual([]);
  }
});

test('K-09: where it had one, it is refused as in the source', () => {
  const run = (call: string) => errorsOfText(`${TSC}${AWAITER}class A { go(n) { return ${call}; } }`, cjs);
  expect(
    run(`flame_js_1.flame.call(images, () => __awaiter(this, void 0, void 0, function* () { return this.x; }))`),
  ).toEqual(['FLAME102']);
  expect(run(`flame_js_1.flame.call(images, () => helper(this, function* () { return n; }))`)).toEqual(['FLAME102']);
});

const idOf = (body: string): string | undefined => compile(body).functions[0]?.id;
const jsx = (text: string): string | undefined => idOf(`const go = (b, c) => flame.call(p, () => ${text});`);

test('K-14: JSX text that Prettier wraps keeps its id', () => {
  const once = jsx('<p>order {b} has</p>');
  for (const text of [
    '(\n  <p>\n    order {b} has\n  </p>\n)',
    '(\n  <p>\n    order {b}{" "}\n    has\n  </p>\n)',
    "<p>\n    order{' '}\n    {b} has</p>",
    '<p>{"order "}{b} has</p>',
    '<p>order {b} {/* what it has */}has</p>',
  ])
    expect(jsx(text), text).toBe(once);
  for (const text of ['<p>order{b} has</p>', '<p>order {b}has</p>', '<p>order {c} has</p>', '<p>order {b}{b} has</p>'])
    expect(jsx(text), text).not.toBe(once);
});

test('K-14: quotes of attributes, and the order of flags of a regular expression, are ways of writing, too', () => {
  expect(jsx(`<p className={"a"} title='b' />`)).toBe(jsx(`<p className="a" title="b" />`));
  expect(jsx(`/a/gi.test(b)`)).toBe(jsx(`/a/ig.test(b)`));
  expect(jsx(`<p className={"a"} />`)).not.toBe(jsx(`<p className={a} />`));
});

const LONG: Readonly<Record<string, (n: number) => string>> = {
  sum: (n) => Array(n).fill('a').join(' + '),
  'chain of calls': (n) => `a${'.b()'.repeat(n)}`,
  'logical expression': (n) => Array(n).fill('a').join(' || '),
  'conditional expression': (n) => `${'a ? 1 : '.repeat(n)}2`,
  'chain of else if': (n) => `(() => { ${'if (a) {} else '.repeat(n)}{} })`,
  'nest of arrays': (n) => '['.repeat(n / 2) + ']'.repeat(n / 2),
  'nest of elements': (n) => '<b>'.repeat(n / 2) + '</b>'.repeat(n / 2),
};

test.each(Object.keys(LONG))('K-15: a %s of 2,500 parts is compiled, in a closure and beside one', (name) => {
  const text = LONG[name]?.(2_500) ?? '';
  expect(compile(`export const f = (a) => flame.call(p, () => ${text});`).functions).toHaveLength(1);
  expect(
    compile(`export const g = (a) => ${text}; export const f = (a) => flame.call(p, () => a);`).functions,
  ).toHaveLength(1);
});

test('K-15: four times as many closures take about four times as long', () => {
  const file = (count: number): string =>
    Array.from(
      { length: count },
      (_, n) => `export const job${n} = (a) => flame.call(p, async () => a + ${n} + state);`,
    ).join('\n');
  const bodies = [file(500), file(2_000)].map((text) => `let state = 1; function f() { state = 2; }\n${text}`);
  const took = (body: string): number => {
    const before = process.cpuUsage();
    compile(body);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  // What the processor did, and the best of three: another process must not decide this.
  const best = bodies.map((body) => Math.min(took(body), took(body), took(body)));
  expect((best[1] ?? 0) / (best[0] ?? 1)).toBeLessThan(9);
});

test('K-15: two thousand refused closures are reported each, with their lines', () => {
  const body = Array.from(
    { length: 2_000 },
    (_, n) => `export const j${n} = (a) => flame.call(p, () => { a = ${n}; });`,
  ).join('\n');
  expect(errorsOf(body)).toHaveLength(2_000);
});

test('K-17: a Flame that is the default export of a file of the application is one', () => {
  const run = (head: string, call: string) => countOf(`${head}\nexport const f = (a) => ${call}('images', () => a);`);
  expect(run(`import flame from './platform/index.ts';`, 'flame.call')).toBe(1);
  expect(run(`import anything from './flame.ts';`, 'anything.call')).toBe(1);
  expect(run(`import platform from './platform.ts';`, 'platform.flame.call')).toBe(1);
  expect(run(`import flame from 'some-package';`, 'flame.call')).toBe(0);
  expect(run(`import other from './other.ts';`, 'other.call')).toBe(0);
});

test('K-17: what the compiler did not take for a flame call is refused with that reason, and not with a flag that is on', async () => {
  const mark = Symbol.for('@flamejs/compiler/installed');
  const flame = createFlame(defineConfig({ app: 'reach', pools: { x: {} } }), { mode: 'inline' });
  const refusal = () => flame.call(flame.pool('x'), () => 1).catch((error: Error) => error.message);
  expect(await refusal()).toMatch(/Start with `node --import/);
  Object.assign(globalThis, { [mark]: true });
  expect(await refusal()).toMatch(/The compiler is there and did not take this .* list its module in `sources`/);
  Reflect.deleteProperty(globalThis, mark);
  await flame.close();
});

const JOBS = `const jobA = async () => 1; const jobB = async () => 2; const jobs = { jobA };\n`;

test('K-17: a choice between named functions is one between registered ones', () => {
  expect(
    compile(`${JOBS}export const f = (c) => flame.call(p, c ? jobA : jobB);`).functions.map(({ name }) => name),
  ).toEqual(['=jobA', '=jobB']);
  expect(compile(`${JOBS}export const f = (c) => flame.call(p, c || jobB);`).functions.map(({ name }) => name)).toEqual(
    ['=jobB'],
  );
  const mixed = compile(`${JOBS}export const f = (c) => flame.call(p, c ? jobA : async () => c);`);
  expect(mixed.functions.map(({ name }) => name)).toEqual(['=jobA', 'f/0']);
  expect(mixed.code).toMatch(/c \? __flame\.named\("[^"]+", jobA\) : __flame\.ref\(/);
});

test('K-17: an optional chain is followed like a plain one, and a local function in a choice is refused', () => {
  const chained = compile(`${JOBS}export const f = () => flame.call(p, jobs?.jobA);`);
  expect(chained.functions.map(({ name }) => name)).toEqual(['=jobs.jobA']);
  expect(chained.code).toMatch(/__flame\.named\("[^"]+", jobs\?\.jobA\)/);
  expect(
    errorsOf(`export const f = (c) => { const local = () => 1; return flame.call(p, c ? local : local); };`),
  ).toEqual(['FLAME107', 'FLAME107']);
});
