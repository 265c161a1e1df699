import { expect, test } from 'vitest';
import { compile } from './support.ts';

const idOf = (body: string) => compile(body).functions[0]?.id ?? 'none';
const hashOf = (body: string) => idOf(body).split('@').pop();
const same = (a: string, b: string) => expect(hashOf(b)).toBe(hashOf(a));
const different = (a: string, b: string) => expect(hashOf(b)).not.toBe(hashOf(a));

const plain = 'function f(a) { return flame.call(p, async () => { const x = a + 1; return [x]; }); }';

test('format, comments, types, parentheses and place do not change the hash', () => {
  same(
    plain,
    `// hi\n\nfunction other(a: number) {\n  return flame.call(p, (async (): Promise<number[]> => {\n    /* c */ type T = number; interface I {}\n    const x: number = ((a as any)! + 1)\n    ;return [x]\n  }))\n}`,
  );
  same(`flame.call(p, () => ({ a: 'x' }))`, `flame.call(p, () => ({ 'a': "x" }))`);
  same(`flame.call(p, () => 255)`, `flame.call(p, () => 0xff)`);
  same(
    `flame.call(p, () => { class A { m(a) { return a } } return new A(); })`,
    `flame.call(p, () => { class A<T> { declare x: T; [key: string]: unknown; m(a: T): T; m(a?: any) { return a } } return new A<string>(); })`,
  );
  same(`flame.call(p, () => <b>hi {1}</b>)`, `flame.call(p, () => (\n  <b>\n    hi {1}\n  </b>\n))`);
});

test('the body, captures and their names change the hash', () => {
  different(plain, plain.replace('a + 1', 'a + 2'));
  different(plain, plain.replace('f(a)', 'f(b)').replace('a + 1', 'b + 1'));
  different(`function f(a) { flame.call(p, () => a?.b); }`, `function f(a) { flame.call(p, () => a.b); }`);
  different(`function f(a) { flame.call(p, () => (a?.b).c); }`, `function f(a) { flame.call(p, () => a?.b.c); }`);
  different(`flame.call(p, () => [1,,2])`, `flame.call(p, () => [1,2])`);
  different(`flame.call(p, () => null)`, `flame.call(p, () => false)`);
  different(`flame.call(p, () => '1')`, `flame.call(p, () => 1)`);
  different(`flame.call(p, () => 1n)`, `flame.call(p, () => 1)`);
  different(`flame.call(p, () => /a/g)`, `flame.call(p, () => /a/)`);
  different('flame.call(p, () => tag`\\n`)', 'flame.call(p, () => tag`\\u000a`)');
  different(`flame.call(p, async () => 1)`, `flame.call(p, () => 1)`);
  different(`flame.call(p, () => <b> hi</b>)`, `flame.call(p, () => <b>hi</b>)`);
});

test('the same text means another thing when a name moves from local to module level', () => {
  different(
    `function f(a) { return flame.call(p, () => a); }`,
    `const a = 1; function f() { return flame.call(p, () => a); }`,
  );
  different(`flame.call(p, () => atob('x'))`, `flame.call(p, () => atob('x')); function atob() {}`);
});

test('where a name is imported from is part of the hash', () => {
  const body = 'flame.call(p, () => resize(1));';
  different(`import { resize } from './a.ts'; ${body}`, `import { resize } from './b.ts'; ${body}`);
  different(`import { resize } from './a.ts'; ${body}`, `import { other as resize } from './a.ts'; ${body}`);
  different(`import { resize } from './a.ts'; ${body}`, `import resize from './a.ts'; ${body}`);
  same(`import { resize } from './a.ts'; ${body}`, `import { more, resize } from './a.ts'; more(); ${body}`);
});

test('ids name the module, the functions around, and the variable that holds a flame.fn', () => {
  const names = (body: string) => compile(body).functions.map(({ name }) => name);
  expect(idOf('flame.call(p, () => 1)')).toMatch(/^src\/a\.tsx#module\/0@[\w-]{12}$/);
  expect(names('class Thumbs { make() { flame.call(() => 1); flame.call(() => 2); } }')).toEqual([
    'Thumbs.make/0',
    'Thumbs.make/1',
  ]);
  expect(names('const go = async () => { const o = { run() { flame.call(() => 1); } }; };')).toEqual(['go.run/0']);
  expect(names('export const resize = flame.fn({}, () => 1);')).toEqual(['resize']);
  expect(names('export const tasks = { resize: flame.fn({}, () => 1), crop: flame.fn({}, () => 1) };')).toEqual([
    'tasks.resize',
    'tasks.crop',
  ]);
  expect(names('export default flame.fn({}, () => 1);')).toEqual(['default']);
  expect(names('function outer() { const inner = flame.fn((a) => a); }')).toEqual(['outer.inner']);
  expect(names('class A { constructor() { flame.call(() => 1); } #x() { flame.call(() => 1); } }')).toEqual([
    'A.constructor/0',
    'A.#x/0',
  ]);
  expect(names(`const o = { 'a b@c/../d': () => flame.call(() => 1) };`)).toEqual(['a_b_c_.._d/0']);
});

test('an id is stable from one compilation, process and version of the compiler to the next', () => {
  expect(idOf(plain)).toBe(idOf(plain));
  expect(idOf(plain)).toBe('src/a.tsx#f/0@3a0cobPLYpI7');
});
