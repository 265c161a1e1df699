/** What a project and its build say: settings, formats of modules, source maps, manifests. In one process, on small folders. */
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { digestOf, fileOfFunction, formatManifest, readManifest } from '../src/manifest.ts';
import { hasModuleSyntax, moduleFormat } from '../src/module-format.ts';
import { mentionsFlame, parseOptions } from '../src/options.ts';
import { openProject } from '../src/project.ts';
import { chain, priorMap, withInlineMap, withoutMapComment } from '../src/source-map.ts';
import { readTypeScriptSettings } from '../src/tsconfig.ts';
import { createApplication } from './application.ts';

const app = createApplication({});
afterAll(() => app.remove());
const settingsOf = (folder: string, files: Readonly<Record<string, unknown>>) => {
  const written = Object.entries(files).map(([name, value]) => [
    `${folder}/${name}`,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  app.write(Object.fromEntries(written));
  return readTypeScriptSettings(app.path(folder));
};

describe('tsconfig.json', () => {
  const none = {
    jsx: undefined,
    jsxImportSource: undefined,
    jsxFactory: undefined,
    jsxFragmentFactory: undefined,
    legacyDecorators: false,
    emitDecoratorMetadata: false,
    assignFields: false,
    keepImports: false,
    aliases: [],
  };
  test('without one, and with one that says nothing, TypeScript’s defaults hold', () => {
    expect(settingsOf('none', { 'a.txt': '' })).toEqual(none);
    for (const text of ['{}', '[]', 'null', '{', '{ "compilerOptions": 5 }', '{ "compilerOptions": null }']) {
      expect(settingsOf('odd', { 'tsconfig.json': text })).toEqual(none);
    }
  });
  test('each option is read, and only when it is of its kind', () => {
    const compilerOptions = {
      jsx: 'react',
      jsxFactory: 'h',
      jsxFragmentFactory: 'F',
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      useDefineForClassFields: false,
      verbatimModuleSyntax: true,
      paths: { '@app/*': ['./src/*'], exact: ['./x'], '*': ['./y'] },
    };
    expect(settingsOf('whole', { 'tsconfig.json': { compilerOptions } })).toEqual({
      ...none,
      ...{
        jsx: 'classic',
        jsxFactory: 'h',
        jsxFragmentFactory: 'F',
        legacyDecorators: true,
        emitDecoratorMetadata: true,
      },
      ...{ assignFields: true, keepImports: true, aliases: ['@app/', 'exact'] },
    });
    const wrong = {
      jsx: 5,
      jsxFactory: 5,
      experimentalDecorators: 'true',
      useDefineForClassFields: 'false',
      verbatimModuleSyntax: 1,
      paths: ['x'],
    };
    expect(settingsOf('wrong', { 'tsconfig.json': { compilerOptions: wrong } })).toEqual(none);
    // Metadata without decorators means nothing.
    expect(
      settingsOf('meta', { 'tsconfig.json': { compilerOptions: { emitDecoratorMetadata: true } } })
        .emitDecoratorMetadata,
    ).toBe(false);
  });
  test.each([
    [{ jsx: 'react-jsx' }, 'automatic'],
    [{ jsx: 'react-jsxdev' }, 'automatic'],
    [{ jsxImportSource: 'preact' }, 'automatic'],
    [{ jsx: 'preserve' }, undefined],
    [{ jsx: 'preserve', jsxImportSource: 'preact' }, 'automatic'],
    [{ jsx: 'react', jsxImportSource: 'preact' }, 'classic'],
  ])('JSX with %j is %s', (compilerOptions, jsx) => {
    expect(settingsOf('jsx', { 'tsconfig.json': { compilerOptions } }).jsx).toBe(jsx);
  });
  test('comments, commas at the end and a byte order mark are no reason to read nothing', () => {
    const text = `\uFEFF// first\n{ /* a "{" */ "compilerOptions": { "jsxFactory": "// no comment, /* nor this */", "paths": { "a,}": [], }, }, }`;
    expect(settingsOf('jsonc', { 'tsconfig.json': text })).toMatchObject({
      jsxFactory: '// no comment, /* nor this */',
      aliases: ['a,}'],
    });
  });
  test('the nearest counts, with what it extends: later and nearer wins, a cycle ends', () => {
    app.write({ 'up/tsconfig.json': '{ "compilerOptions": { "jsxFactory": "up" } }' });
    expect(settingsOf('up/deep/er', { 'a.txt': '' }).jsxFactory).toBe('up');
    const options = (jsxFactory: string, more = {}) => ({ compilerOptions: { jsxFactory, ...more } });
    const bases = {
      'one.json': options('one', { verbatimModuleSyntax: true }),
      'two.json': options('two', { jsxFragmentFactory: 'two' }),
    };
    expect(
      settingsOf('list', { ...bases, 'tsconfig.json': { extends: ['./one', './two.json', './no', 7] } }),
    ).toMatchObject({
      jsxFactory: 'two',
      jsxFragmentFactory: 'two',
      keepImports: true,
    });
    const own = { extends: './one.json', ...options('own') };
    expect(settingsOf('own', { ...bases, 'tsconfig.json': own })).toMatchObject({
      jsxFactory: 'own',
      keepImports: true,
    });
    const cycle = { extends: './tsconfig.json', ...options('cycle') };
    expect(settingsOf('cycle', { 'tsconfig.json': cycle }).jsxFactory).toBe('cycle');
    const packages = {
      'node_modules/base/tsconfig.json': options('package'),
      'node_modules/base/lib.json': options('lib'),
    };
    expect(settingsOf('pkg', { ...packages, 'tsconfig.json': { extends: 'base' } }).jsxFactory).toBe('package');
    expect(settingsOf('pkg', { 'tsconfig.json': { extends: 'base/lib' } }).jsxFactory).toBe('lib');
    expect(settingsOf('pkg', { 'tsconfig.json': { extends: 'missing' } })).toEqual(none);
  });
  test('paths count as ways into the application, beside those of the options', () => {
    app.write({ 'proj/tsconfig.json': '{ "compilerOptions": { "paths": { "~lib/*": ["./lib/*"] } } }' });
    const project = openProject(app.path('proj'), { aliases: ['app/'], sources: ['./src/platform.ts'] });
    expect(project.root).toBe(app.path('proj'));
    expect(project.options).toMatchObject({ aliases: ['app/', '~lib/'], sources: ['./src/platform.ts'] });
    expect(openProject(app.path('none')).options).toEqual(parseOptions());
  });
});

test('a file that mentions neither flame nor a source of it is not looked at', () => {
  expect(parseOptions()).toEqual({
    sources: [],
    aliases: [],
    packageNames: ['flamejs', '@flamejs/queue'],
    runtime: '@flamejs/queue/closures',
  });
  const sources = parseOptions({ sources: ['./src/platform.mts', '@acme/kit', 'x/.ts'] });
  expect(mentionsFlame('import kit from "@acme/kit"', sources)).toBe(true);
  expect(mentionsFlame('import p from "./platform.mjs"', sources)).toBe(true);
  expect(mentionsFlame('const flame = 1', parseOptions())).toBe(true);
  expect(mentionsFlame('import x from "./other"', parseOptions())).toBe(false);
  expect(mentionsFlame('import x from "./other"', parseOptions({ sources: ['@acme/kit'] }))).toBe(false);
});

describe('the format of a module', () => {
  app.write({
    'esm/package.json': '{"type":"module"}',
    'cjs/package.json': '{"type":"commonjs"}',
    'silent/package.json': '{}',
    'broken/package.json': '{',
    'odd/package.json': '{"type":5}',
    'null/package.json': 'null',
  });
  test.each([
    ['cjs/a.mjs', '', 'esm'],
    ['cjs/a.mts', '', 'esm'],
    ['esm/a.cjs', 'export {}', 'cjs'],
    ['esm/a.cts', 'export {}', 'cjs'],
    ['esm/a.js', 'module.exports = 1', 'esm'],
    ['esm/deep/a.ts', '', 'esm'],
    ['esm/deep/b.ts', '', 'esm'],
    ['cjs/a.js', 'module.exports = 1', 'cjs'],
    ['cjs/a.ts', 'import x from "x"', 'esm'],
    ['silent/a.ts', 'const x = 1', 'cjs'],
    ['silent/a.ts', 'export const x = 1', 'esm'],
    ['odd/a.ts', 'const x = 1', 'cjs'],
    ['null/a.ts', 'const x = 1', 'cjs'],
    // What cannot be read is passed over, as Node does.
    ['broken/a.ts', 'const x = 1', 'esm'],
  ])('%s with `%s` is %s', (file, code, format) => {
    expect(moduleFormat(app.path(file), code)).toBe(format);
  });
  test.each([
    ['a.ts', 'import x from "x"', true],
    ['a.ts', 'export const x = 1', true],
    ['a.ts', 'console.log(import.meta.url)', true],
    ['a.ts', 'const important = import("x")', false],
    ['a.ts', '// import and export', false],
    ['a.ts', 'import fs from "fs"; export = fs', false],
    ['a.ts', 'import x = require("x"); import type y from "y"', false],
    ['a.css', 'import x from "x"', false],
  ])('%s with `%s`: syntax of ES modules is %s', (file, code, expected) => {
    expect(hasModuleSyntax(file, code)).toBe(expected);
  });
});

describe('source maps of other compilers', () => {
  const map = { version: 3 as const, sources: ['a.ts'], names: [], mappings: 'AAAA' };
  const inline = (value: unknown) =>
    `x\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(value)).toString('base64')}`;
  const at = (name: string) => pathToFileURL(app.path(name)).href;
  test('are found inline and beside the file, with sources as URLs', () => {
    const file = app.path('maps/out.js');
    expect(priorMap(file, inline(map))).toEqual({ ...map, sources: [at('maps/a.ts')] });
    expect(
      priorMap(file, `x\n//@ sourceMappingURL=data:application/json,${encodeURIComponent(JSON.stringify(map))}\n`),
    ).toEqual({
      ...map,
      sources: [at('maps/a.ts')],
    });
    app.write({
      'maps/o ut.map': JSON.stringify({ ...map, sourceRoot: '../src', sources: ['a.ts', null, 'webpack://b'] }),
    });
    const beside = { ...map, sources: [at('src/a.ts'), null, 'webpack://b'] };
    expect(priorMap(file, 'x\n//# sourceMappingURL=o%20ut.map')).toEqual(beside);
    expect(priorMap('/elsewhere/out.js', `//# sourceMappingURL=${at('maps/o ut.map')}`)).toEqual(beside);
    expect(priorMap(file, `//# sourceMappingURL=none.map\n  //# sourceMappingURL=o%20ut.map  \nx`)).toEqual(beside);
  });
  test('that cannot be read are none', () => {
    const file = app.path('maps/out.js');
    for (const odd of [null, 5, {}, { ...map, mappings: 1 }, { ...map, sources: 'a' }]) {
      expect(priorMap(file, inline(odd))).toBeUndefined();
    }
    expect(priorMap(file, '//# sourceMappingURL=missing.map')).toBeUndefined();
    expect(priorMap(file, 'const s = "//# sourceMappingURL=o%20ut.map"')).toBeUndefined();
    expect(priorMap(file, 'x')).toBeUndefined();
  });
  test('are replaced by ours, and steps are chained to one', () => {
    const written = withInlineMap('a();\n//# sourceMappingURL=old.map\n', map);
    expect(written.match(/sourceMappingURL/g)).toHaveLength(1);
    expect(priorMap(app.path('maps/b.js'), written)).toEqual({ ...map, sources: [at('maps/a.ts')] });
    expect(withoutMapComment('a\n//# sourceMappingURL=x\nb')).toBe('a\n\nb');
    expect(chain([map])).toBe(map);
    const second = { ...map, sources: ['b.ts'], sourcesContent: ['text'] };
    expect(chain([map, second])).toMatchObject({ version: 3, sources: ['b.ts'] });
  });
});

describe('manifests', () => {
  const fn = { id: 'src/a.ts#f@yYHLRAKsiIO1', name: 'f', captures: ['x'], line: 3 };
  const write = (value: unknown) => {
    app.write({ 'out/m.json': typeof value === 'string' ? value : JSON.stringify(value) });
    return app.path('out/m.json');
  };
  const entry = { file: 'a.js', functions: [fn] };
  const good = { version: 1, release: 'r', modules: { 'src/a.ts': entry } };
  test('name the file of each function, relative to themselves, in an order of their own', () => {
    const modules = new Map([
      ['src/b.ts', { file: app.path('out/deep/b.js'), functions: [] }],
      ['src/a.ts', { file: app.path('out/a.js'), functions: [fn] }],
    ]);
    const text = formatManifest({ release: 'r', modules }, app.path('out'));
    expect(JSON.parse(text)).toEqual({
      ...good,
      modules: { 'src/a.ts': entry, 'src/b.ts': { file: 'deep/b.js', functions: [] } },
    });
    expect(Object.keys(JSON.parse(text).modules)).toEqual(['src/a.ts', 'src/b.ts']);
    expect(text.endsWith('}\n')).toBe(true);
    const read = readManifest(write(text));
    expect(read).toEqual({ release: 'r', modules, skipped: [] });
    expect(fileOfFunction(read, fn.id)).toBe(app.path('out/a.js'));
    expect(fileOfFunction(read, 'src/c.ts#f@yYHLRAKsiIO1')).toBeUndefined();
    expect(fileOfFunction(read, 'nonsense')).toBeUndefined();
  });
  test.each([
    ['{', 'not JSON'],
    ['null', 'expected a manifest of version 1'],
    [{ ...good, version: 2 }, 'expected a manifest of version 1'],
    [{ ...good, release: 5 }, '`release` or `modules` is missing'],
    [{ ...good, modules: [] }, '`release` or `modules` is missing'],
  ])('%j is refused: %s', (value, why) => {
    expect(() => readManifest(write(value))).toThrow(`${app.path('out/m.json')}: ${why}; build again`);
  });
  test('skip what is damaged or leads out of their folder, and say so', () => {
    const modules = {
      'src/a.ts': {
        ...entry,
        functions: [
          fn,
          null,
          { ...fn, line: '3' },
          { ...fn, captures: [1] },
          { ...fn, name: 1 },
          { ...fn, id: 'src/b.ts#f@yYHLRAKsiIO1' },
        ],
      },
      'src/b.ts': { ...entry, file: '../b.js' },
      'src/c.ts': { ...entry, file: '.' },
      'src/d.ts': { ...entry, file: 5 },
      'src/e.ts': { file: 'e.js' },
      'src/f.ts': null,
      'src/g.ts': { ...entry, file: '..g.js', functions: [] },
    };
    const read = readManifest(write({ ...good, modules }));
    expect([...read.modules]).toEqual([
      ['src/a.ts', { file: app.path('out/a.js'), functions: [fn] }],
      ['src/g.ts', { file: app.path('out/..g.js'), functions: [] }],
    ]);
    expect(read.skipped).toHaveLength(5 + 5);
    expect(read.skipped[0]).toBe(
      `${app.path('out/m.json')}: module "src/a.ts" has a function that is damaged, null; it is skipped, build again with the Flame plugin`,
    );
    expect(read.skipped.filter((text) => text.includes("outside the manifest's folder"))).toHaveLength(2);
    expect(read.skipped.filter((text) => text.includes('is not { file, functions }'))).toHaveLength(3);
  });
  test('a digest changes with every name and byte, and not with the order', () => {
    const files = [
      ['a.js', 'x'],
      ['b.js', Buffer.from('y')],
    ] as const;
    expect(digestOf(files)).toMatch(/^[0-9a-f]{12}$/);
    expect(digestOf([...files].reverse())).toBe(digestOf(files));
    expect(
      digestOf([
        ['a.js', 'xb.js'],
        ['b.js', 'y'],
      ]),
    ).not.toBe(digestOf(files));
    expect(
      digestOf([
        ['a.jsx', ''],
        ['b.js', 'y'],
      ]),
    ).not.toBe(
      digestOf([
        ['a.js', 'x'],
        ['b.js', 'y'],
      ]),
    );
  });
});
