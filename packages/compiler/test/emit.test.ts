import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { expect, test } from 'vitest';
import { FlameCompileError } from '../src/errors.ts';
import { positionOf } from '../src/frame.ts';
import { compile, compileText, HEAD } from './support.ts';

test('the text of the function moves unchanged, types and JSX included, and the call gets a reference', () => {
  const body =
    'async <T,>(n: number): Promise<T> => { const el = <b k={n}>{size as number}</b>; return el! satisfies unknown as T; }';
  const { code } = compile(`export function make(size: number) {\n  return flame.call(p, ${body}, 1);\n}\n`);
  expect(code).toContain(`return flame.call(p, __flame.ref("src/a.tsx#make/0@`);
  expect(code).toContain(`, __flame_fn, { size }), 1);`);
  expect(code.trimEnd().endsWith(`function __flame_fn({ size }) { return ${body}; }`)).toBe(true);
  expect(code).toContain('make(size: number)');
});

test('the runtime is loaded and the functions are registered in the first line, so that lines keep their numbers', () => {
  const source = `${HEAD}function f(a) { return flame.call(p, () => a); }\nf(flame.call(g));\nfunction g() {}\n`;
  const { code } = compile(source.slice(HEAD.length));
  const [first] = code.split('\n');
  expect(first).toMatch(
    /^import \* as __flame from "@flamejs\/queue\/closures"; __flame\.reg\("src\/a\.tsx", \[\["src\/a\.tsx#f\/0@[\w-]{12}", __flame_fn, \["a"\], 3\], \["src\/a\.tsx#=g", \(\) => g, null, 4\]\]\); import \{ createFlame \}/,
  );
  expect(code).toContain('f(flame.call(__flame.named("src/a.tsx#=g", g)));');
  expect(code.indexOf('function g() {}')).toBe(code.split('\n').slice(0, 4).join('\n').length + 1);
});

test('a #! line, directives and a byte order mark stay first', () => {
  const call = `import { flame } from './flame'; flame.call(q, () => 1)`;
  expect(compileText(`#!/usr/bin/env node\n'use strict';\n${call}`)?.code).toMatch(
    /^#!\/usr\/bin\/env node\n'use strict';\nimport \* as __flame/,
  );
  expect(compileText(`'use client'\n${call}`)?.code).toMatch(/^'use client'\nimport \* as __flame/);
  expect(compileText(`\uFEFF${call}`)?.code).toMatch(/^\uFEFFimport \* as __flame/);
});

test('CommonJS gets require, ES modules get import', () => {
  const cjs = `'use strict';\nconst { flame } = require('./flame');\nfunction f(a) { return flame.call(x, () => a + __filename + require('os').EOL); }`;
  const result = compileText(cjs, { file: 'src/a.cjs', module: 'src/a.cjs' });
  expect(result?.functions[0]?.captures).toEqual(['a']);
  expect(result?.code).toMatch(/^'use strict';\nconst __flame = require\("@flamejs\/queue\/closures"\)/);
  expect(compileText(cjs, { file: 'src/a.js', module: 'src/a.js' })?.code).toContain('const __flame = require');
  expect(compileText(cjs.replace(/^.*\n/, ''), { file: 'src/a.mjs', module: 'src/a.mjs' })?.code).toContain(
    'import * as __flame',
  );
});

test('names that are taken are avoided, wherever they are declared', () => {
  const { code } = compile(`function f(__flame) { let __flame_fn; return flame.call(p, () => __flame); }`);
  expect(code).toContain('import * as __flame_0 from');
  expect(code).toContain('function __flame_fn_0({ __flame })');
});

test('a function in a function is hoisted beside it', () => {
  const { code } = compile(
    `function f(a, b) { return flame.call(p, async () => { const c = a; return flame.call(p, () => c + b); }); }`,
  );
  expect(code).toContain('function __flame_fn({ c, b }) { return () => c + b; }');
  expect(code).toMatch(
    /function __flame_fn_0\(\{ a, b \}\) \{ return async \(\) => \{ const c = a; return flame\.call\(p, __flame\.ref\("[^"]+", __flame_fn, \{ c, b \}\)\); \}; \}/,
  );
});

test('a file that ends in a comment keeps the hoisted function out of it', () => {
  const { code } = compile(`flame.call(p, () => 1) // end`);
  expect(code).toMatch(/\/\/ end\nfunction __flame_fn\(\)/);
});

test('the source map leads back from the call, the moved body and everything else', () => {
  const source = `${HEAD}export async function make(image: Uint8Array, size: number) {\n  const k = 2; /* 😀 */\n  const r = await flame.call(p, async () => {\n    const MARK = image.length * k;\n    throw new Error('boom' + MARK);\n  });\n  return r /* TAIL */;\n}\n`;
  const result = compile(source.slice(HEAD.length));
  const map = new TraceMap(result.map.toString());
  expect(map.sources).toEqual(['src/a.tsx']);
  for (const needle of [
    'MARK =',
    "new Error('boom'",
    'return r /* TAIL',
    'flame.call(p',
    'k;',
    'k = 2',
    'image.length',
  ]) {
    const { line, column } = positionOf(result.code, result.code.indexOf(needle));
    const expected = positionOf(source, source.indexOf(needle));
    const found = originalPositionFor(map, { line, column: column - 1 });
    expect({ line: found.line, column: (found.column ?? -1) + 1 }, needle).toEqual(expected);
  }
});

test('an error shows where, what, and what to do instead', () => {
  const body = `export async function count(files: string[]) {\n  let total = 0;\n  for (const f of files) await flame.call(p, async () => {\n    total += f.length;\n  });\n  return total;\n}`;
  try {
    compile(body);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(FlameCompileError);
    expect((error as FlameCompileError).message).toBe(
      [
        'src/a.tsx:6:5 - error FLAME101: assignment to captured variable `total` would be lost: the function runs on another machine with a copy',
        '  4 |   let total = 0;',
        '  5 |   for (const f of files) await flame.call(p, async () => {',
        '> 6 |     total += f.length;',
        '    |     ^^^^^',
        '  7 |   });',
        '  = help: return the new value and assign it after `await`',
      ].join('\n'),
    );
    expect(String((error as Error).stack)).toMatch(/^FlameCompileError: 1 problem in src\/a\.tsx\n/);
  }
});

test('a problem in minified code does not print the whole line', () => {
  const pad = 'x'.repeat(5_000);
  try {
    compile(`function f(n){"${pad}";flame.call(p,()=>{n=1});"${pad}"}`);
    expect.unreachable();
  } catch (error) {
    const lines = String((error as Error).message).split('\n');
    for (const line of lines) expect(line.length).toBeLessThan(300);
    const marked = lines.findIndex((line) => line.startsWith('> '));
    expect(lines[marked]?.charAt(lines[marked + 1]?.indexOf('^') ?? -1)).toBe('n');
  }
});
