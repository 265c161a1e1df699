import { expect, test } from 'vitest';
import { compile, errorsOf, warningsOf } from './support.ts';

const refused = (body: string, ...codes: string[]) => expect(errorsOf(body), body).toEqual(codes);
const warned = (body: string, ...codes: string[]) => expect(warningsOf(body), body).toEqual(codes);

test('FLAME101 an assignment to a captured variable is refused, in every form', () => {
  refused(`function f() { let n = 0; flame.call(p, () => { n = 1; }); }`, 'FLAME101');
  refused(`function f() { let n = 0; flame.call(p, () => { n++; }); }`, 'FLAME101');
  refused(`function f(n) { flame.call(p, () => { n ??= 1; }); }`, 'FLAME101');
  refused(`function f(n, o) { flame.call(p, () => { [n, o.x] = [1, 2]; }); }`, 'FLAME101');
  refused(`function f(n) { flame.call(p, () => { ({ n } = { n: 1 }); for (n of []) {} }); }`, 'FLAME101', 'FLAME101');
  refused(
    `function f(n) { flame.call(p, () => { ({ a: { n = 1 } } = { a: {} }); for (n in {}) {} }); }`,
    'FLAME101',
    'FLAME101',
  );
  refused(`function f(n) { flame.call(p, () => { (n as any) += 1; }); }`, 'FLAME101');
});

test('FLAME102 `this` of the method around the function is refused', () => {
  refused(`class A { x = 1; f() { return flame.call(p, () => this.x); } }`, 'FLAME102');
  refused(`class A { f() { return flame.call(p, function () { return this.x; }); } }`, 'FLAME102');
  refused(`class A { f() { return flame.call(p, () => { const o = { [this.x]: 1 }; return o; }); } }`, 'FLAME102');
  refused(`const o = { m() { return flame.call(p, () => { const s = () => this; return s; }); } }`, 'FLAME102');
  refused(`const o = { m() { return flame.call(p, () => <this.Part/>); } }`, 'FLAME102');
  refused(`class A { f() { return flame.call(p, (x = this.y) => x); } }`, 'FLAME102');
});

test('FLAME103 `super` of the class around the function is refused', () => {
  refused(`class A extends Object { f() { return flame.call(p, () => super.toString()); } }`, 'FLAME103');
});

test('FLAME104 `arguments` of the function around it is refused', () => {
  refused(`function f() { return flame.call(p, () => arguments[0]); }`, 'FLAME104');
  refused(`function f() { return flame.call(p, () => ({ arguments: 1 }).arguments); }`);
});

test('FLAME105 a generator is refused', () => {
  refused(`function f() { return flame.call(p, function* () { yield 1; }); }`, 'FLAME105');
  refused(`function f() { return flame.cast(p, async function* () { yield 1; }); }`, 'FLAME105');
  refused(`function f() { return flame.call(p, () => { const g = function* () { yield 1; }; return [...g()]; }); }`);
});

test('FLAME106 a local function, class, enum or namespace is refused', () => {
  refused(`function f() { function g() {} return flame.call(p, () => g()); }`, 'FLAME106');
  refused(`function f() { const g = async () => 1; return flame.call(p, () => g()); }`, 'FLAME106');
  refused(`function f() { class K {} return flame.call(p, () => new K()); }`, 'FLAME106');
  refused(`function f() { const K = class {}; return flame.call(p, () => new K()); }`, 'FLAME106');
  refused(`function f() { enum E { A } return flame.call(p, () => E.A); }`, 'FLAME106');
  refused(
    `namespace A { namespace B { export const x = 1 } export const g = () => flame.call(p, () => B.x); }`,
    'FLAME106',
  );
  refused(`const g = function self() { return flame.call(p, () => self()); };`, 'FLAME106');
});

test('FLAME107 a local function passed by name is refused', () => {
  refused(`function f() { const g = async () => 1; return flame.call(p, g); }`, 'FLAME107');
  refused(`function f() { function g() {} return flame.cast(g); }`, 'FLAME107');
  refused(`const f = function self() { return flame.call(p, self); };`, 'FLAME107');
});

test('FLAME108 a private name of a class outside is refused', () => {
  refused(`class A { #s = 1; f(o: A) { return flame.call(p, () => o.#s); } }`, 'FLAME108');
  refused(`class A { #s = 1; f(o: A) { return flame.call(p, () => #s in o); } }`, 'FLAME108');
  refused(
    `class A { #s = 1; f(o: A) { return flame.call(p, () => { class B extends (o.#s, Object) { #s = 1 } return B.name; }); } }`,
    'FLAME108',
  );
});

test('FLAME109 `new.target` is refused', () => {
  refused(`function f() { return flame.call(p, () => new.target); }`, 'FLAME109');
});

test('FLAME110 direct eval and `with` are refused', () => {
  refused(`function f(a) { return flame.call(p, () => eval('a')); }`, 'FLAME110');
  refused(`function f(a) { return flame.call(p, () => (0, eval)('1') + eval?.('1')); }`);
  const sloppy = (body: string) =>
    `const { createFlame } = require('@flamejs/queue'); const flame = createFlame(); ${body}`;
  const cjs = { file: 'a.cjs', module: 'a.cjs' };
  const codes = (body: string) => errorsOf('', { ...cjs, code: sloppy(body) });
  expect(codes(`function f(a) { flame.call(() => { with (a) { return b; } }); }`)).toEqual(['FLAME110']);
  expect(codes(`function f(a) { with (a) { flame.call(() => b); } }`)).toEqual(['FLAME110']);
});

test('FLAME111 a captured variable named __proto__ is refused', () => {
  refused(`function f(__proto__) { return flame.call(p, () => __proto__); }`, 'FLAME111');
});

test('FLAME112 a `using` resource is refused', () => {
  refused(`function f() { using r = open(); return flame.call(p, () => r); }`, 'FLAME112');
  refused(`async function f() { await using r = open(); return flame.call(p, () => r); }`, 'FLAME112');
});

test('FLAME113 a symbol is refused', () => {
  refused(`function f() { const s = Symbol('x'); return flame.call(p, () => s); }`, 'FLAME113');
  refused(`function f() { const s = Symbol.for('x'); return flame.call(p, () => s); }`, 'FLAME113');
});

test('FLAME114 a variable whose initialiser is still running is refused', () => {
  refused(`async function f() { const n = await flame.call(p, () => n); }`, 'FLAME114');
  refused(`function f() { const job = { go: () => flame.call(p, () => job.x), x: 1 }; return job; }`);
});

test('FLAME201 an assignment to module state is warned about', () => {
  warned(`let n = 0; function f() { return flame.call(p, () => { n++; }); }`, 'FLAME201');
});

test('FLAME202 reading module state that a function assigns is warned about, once for each function', () => {
  warned(
    `let cfg; export function init() { cfg = 1; } function f() { return flame.call(p, () => cfg + cfg); }`,
    'FLAME202',
  );
  warned(`let cfg = 1; if (process.env.X) { cfg = 2; } function f() { return flame.call(p, () => cfg); }`);
  warned(`const cfg = { a: 1 }; function f() { return flame.call(p, () => cfg.a); }`);
});

test('FLAME203 changing a captured object in place is warned about', () => {
  warned(
    `function f(a) { return flame.call(p, () => { a.push(1); a.x.y = 2; delete a.z; a.k++; delete a?.b; }); }`,
    'FLAME203',
    'FLAME203',
    'FLAME203',
    'FLAME203',
    'FLAME203',
  );
  warned(`function f(a) { return flame.call(p, () => { const b = [...a]; b.push(1); return b.map(x => x); }); }`);
});

test('FLAME205 a flame call in the entry file is warned about, unless the file asks where it runs', () => {
  const entry = (body: string) => compile(body, { entry: true }).warnings.map(({ code }) => code);
  expect(entry(`flame.call(p, () => 1)`)).toEqual(['FLAME205']);
  expect(entry(`if (!flame.isRunner) flame.call(p, () => 1)`)).toEqual([]);
});

test('several problems of a file are reported at once, in the order of the source', () => {
  refused(
    `class T { #s = 1; async run(files) { let done = 0; const log = () => {};
       for (const f of files) await flame.call(p, async () => { log(f); done++; return this.width + this.#s; }); } }`,
    'FLAME106',
    'FLAME101',
    'FLAME102',
    'FLAME102',
    'FLAME108',
  );
});

test('a problem in a function within a function is reported once', () => {
  refused(`function f(n) { flame.call(p, () => { flame.call(p, () => { n = 1; }); }); }`, 'FLAME101');
});
