import { expect, test } from 'vitest';
import { capturesOf, errorsOf } from './support.ts';

const captured = (body: string, ...lists: string[][]) => expect(capturesOf(body), body).toEqual(lists);

test('parameters, locals, destructured, loop and catch variables are shipped; module names, imports and globals are not', () => {
  captured(
    `import q from 'q'; const m = 1; function h() {} class K {} enum E { A }
     async function f(a, { b, c: [d = m] = [] }, ...e) {
       const g = 1; let l = 2; l = 3; var v = 1;
       for (const i of [1]) for (const k in {}) try {} catch (err) {
         await flame.call(p, () => [a, b, d, e, g, l, v, i, k, err, q, m, h, K, E.A, console, p, import.meta.url, __dirname]);
       }
     }`,
    ['a', 'b', 'd', 'e', 'g', 'l', 'v', 'i', 'k', 'err'],
  );
});

test('a block at module level has locals, and they are shipped', () => {
  captured(`{ const z = 1; await flame.call(p, () => z); }`, ['z']);
});

test('a name declared inside the function hides the one outside', () => {
  captured(
    `function f(a, b) { return flame.call(p, (b) => { const a = b; { let b = a; } return function a() { return a; }; }); }`,
    [],
  );
});

test('a default value sees the variable outside even when the body declares one of that name', () => {
  captured(`function f(x, y) { return flame.call(p, (q = x) => { var x = 1; return x + y; }); }`, ['x', 'y']);
});

test('names used only in types are not captured', () => {
  captured(
    `function f<T>(a: number, b: T) { type L = typeof a; interface K { a: L } const k = 1;
     return flame.call(p, async (): Promise<typeof a> => { const z: typeof k = 1 as unknown as L; return z satisfies number as any; }); }`,
    [],
  );
});

test('shorthand and computed keys are references, property names and labels are not', () => {
  captured(
    `function f(a, b, c, d) { return flame.call(p, () => { a: for (;;) { break a; } return { b, [c]: 1, d: 2, x: { a: 1 }.a }; }); }`,
    ['b', 'c'],
  );
});

test('a component in JSX is a reference, an element is not', () => {
  captured(
    `function Local() {} function f(Comp, props, ns, div) { return flame.call(p, () => <div a={props.x}><Comp {...props}/><Local/><ns.Part/></div>); }`,
    ['props', 'Comp', 'ns'],
  );
});

test('a class inside the function has its own this, super and private names', () => {
  captured(
    `function f(a) { return flame.call(p, () => {
       class A { #x = a; get() { return this.#x; } static { this.y = 1; } }
       class B extends A { get() { return super.get(); } }
       return new B().get(); }); }`,
    ['a'],
  );
});

test('a function expression has its own arguments', () => {
  captured(`function f(a) { return flame.call(p, function () { return arguments.length + a; }); }`, ['a']);
});

test('a module-level class may name itself from inside its own body, a local class may not', () => {
  captured(`class A { static k = 1; f(a) { return flame.call(p, () => new A().g(a) + A.k); } g(a) { return a; } }`, [
    'a',
  ]);
  captured(`const B = class B { f() { return flame.call(p, () => B.name); } }`, []);
  expect(errorsOf(`function f() { class C { m() { return flame.call(p, () => C.name); } } }`)).toEqual(['FLAME106']);
});

test('a flame call inside a flame call ships what the inner one needs with the outer one', () => {
  captured(
    `function f(a, b) { return flame.call(p, async () => { const c = a; return flame.call(p, () => c + b); }); }`,
    ['a', 'b'],
    ['c', 'b'],
  );
});

test('a let that is reassigned elsewhere is shipped as it is at the call', () => {
  captured(`async function f() { let n = 0; n++; await flame.call(p, () => n); n++; }`, ['n']);
});

test('a function with parameters gets them from the call, not from captures', () => {
  captured(`function f(a) { return flame.call(p, async (b, { c }, ...d) => [a, b, c, d], 1, {}, 2); }`, ['a']);
});

test('function declarations in blocks of sloppy CommonJS are seen by the function around them', () => {
  const sloppy = `const { createFlame } = require('@flamejs/queue'); const flame = createFlame();
    function f() { { function g() {} } return flame.call(() => g()); }`;
  expect(errorsOf('', { code: sloppy, file: 'a.cjs', module: 'a.cjs' })).toEqual(['FLAME106']);
  expect(errorsOf(`function f() { { function g() {} } return flame.call(() => g()); }`)).toEqual([]);
});

test('what a namespace holds is shipped like a local', () => {
  captured(`namespace N { const a = 1; export function f() { return flame.call(p, () => a); } }`, ['a']);
});
