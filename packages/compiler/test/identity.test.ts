import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatFunctionId, parseFunctionId } from '@flamejs/protocol/function-id';
import { afterAll, expect, test } from 'vitest';
import { processorTime } from '../../../tests/support/processor-time.ts';
import { moduleOfId, modulePath, resolveModule } from '../src/identity.ts';
import { compile } from './support.ts';

const hash = '@yYHLRAKsiIO1';
const HOSTILE = [
  '__proto__',
  'constructor',
  'toString',
  '',
  '#',
  `#x${hash}`,
  `../x.ts#f/0${hash}`,
  `src/../../x.ts#f/0${hash}`,
  `./x.ts#f/0${hash}`,
  `src//x.ts#f/0${hash}`,
  `/etc/passwd#f/0${hash}`,
  `/etc/x.js#f/0${hash}`,
  `C:/x.ts#f/0${hash}`,
  `src\\x.ts#f/0${hash}`,
  `..\\x.ts#f/0${hash}`,
  `node:fs#f/0${hash}`,
  `node:fs.js#f/0${hash}`,
  `file:///etc/x.js#f/0${hash}`,
  `data:text/x.js#f/0${hash}`,
  `https://evil.example/x.js#f/0${hash}`,
  `node_modules/x/y.js#f/0${hash}`,
  `src/node_modules/x/y.js#f/0${hash}`,
  `__proto__/x.ts#f/0${hash}`,
  `__proto__#f/0${hash}`,
  `src/x.json#f/0${hash}`,
  `src/x.node#f/0${hash}`,
  `src/x.d.ts#f/0${hash}`,
  `src/x\0.ts#f/0${hash}`,
  `src/x\n.ts#f/0${hash}`,
  `src/\u001b[31mx.ts#f/0${hash}`,
  `src/%2e%2e/x.ts#f/0${hash}`,
  `src/x.ts#f/0`,
  `src/x.ts#f/0@short`,
  `src/x.ts#f/../../x${hash}`,
  `src/x.ts#=f()`,
  `src/x.ts#=f;g`,
  `src/x.ts`,
  `src/x.ts#${'a'.repeat(1_000_000)}${hash}`,
  `${'a/'.repeat(500_000)}x.ts#f/0${hash}`,
];

test('S-09 hostile names are refused before anything is read', () => {
  for (const id of HOSTILE) {
    expect(moduleOfId(id), id.slice(0, 80)).toBeUndefined();
    expect(parseFunctionId(id), id.slice(0, 80)).toBeUndefined();
  }
  expect(moduleOfId({} as string)).toBeUndefined();
});

test('S-09 a hostile name is refused in no time, however long', () => {
  const used = processorTime();
  for (let n = 0; n < 100; n++) for (const id of HOSTILE) moduleOfId(id);
  expect(used()).toBeLessThan(5_000);
});

test('every id that the compiler writes can be read back', () => {
  const { functions } = compile(
    `function local() {} class A { constructor() { flame.call(() => 1); } #x() { flame.call(() => 1); } }
     const o = { 'a b': () => flame.call(() => 1), ünïcode: () => flame.call(() => 1), $: () => flame.call(() => 1) };
     export const made = flame.fn(() => 1); flame.call(local); flame.call(o.$.x); flame.call(() => 2);`,
    { module: 'src/a#b/50%/[id]/ä b.tsx' },
  );
  expect(functions).toHaveLength(9);
  for (const { id, name } of functions) {
    const parsed = parseFunctionId(id);
    expect(parsed, id).toMatchObject({ module: 'src/a#b/50%/[id]/ä b.tsx', name });
    expect(parsed && formatFunctionId(parsed)).toBe(id);
  }
});

const base = mkdtempSync(join(tmpdir(), 'flame-identity-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

test('S-09 a module is only found as a file inside the root, links followed', () => {
  const root = join(base, 'app');
  mkdirSync(join(root, 'src/dir.ts'), { recursive: true });
  writeFileSync(join(root, 'src/a.ts'), '');
  writeFileSync(join(base, 'outside.ts'), '');
  symlinkSync(join(base, 'outside.ts'), join(root, 'src/link.ts'));
  symlinkSync(join(root, 'src/a.ts'), join(root, 'src/inner.ts'));
  expect(resolveModule('src/a.ts', root)).toBe(join(root, 'src/a.ts'));
  expect(resolveModule('src/inner.ts', root)).toBe(join(root, 'src/a.ts'));
  for (const module of [
    'src/link.ts',
    'src/dir.ts',
    'src/missing.ts',
    '../outside.ts',
    join(base, 'outside.ts'),
    'src',
  ]) {
    expect(resolveModule(module, root), module).toBeUndefined();
  }
});

test('a path relative to the root is written with slashes; outside and in node_modules there is none', () => {
  expect(modulePath('/app/src/a.ts', '/app')).toBe('src/a.ts');
  expect(modulePath('/elsewhere/a.ts', '/app')).toBeUndefined();
  expect(modulePath('/app/node_modules/x/a.js', '/app')).toBeUndefined();
  expect(modulePath('/app/styles.css', '/app')).toBeUndefined();
});
