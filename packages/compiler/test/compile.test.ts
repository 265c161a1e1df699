import { afterAll, expect, test } from 'vitest';
import { compileFile, declaresFlameFunctions } from '../src/compile.ts';
import { FlameCompileError } from '../src/errors.ts';
import { findAppRoot } from '../src/root.ts';
import { readTypeScriptSettings } from '../src/tsconfig.ts';
import { createApplication, EXPECTED_NAMES, THUMBS } from './application.ts';

const app = createApplication({
  ...THUMBS,
  'src/plain.ts': `export const flame = 'only the word';`,
  'src/named.ts': `import { flame } from './flame.ts'; export const f = flame.fn('name', {}, async () => 1);`,
  'src/broken.ts': `import { flame } from './flame.ts'; export const f = (n) => flame.call(() => { n = 1; });`,
  'src/throws.ts': `import { flame } from './flame.ts'; throw new Error('it ran'); flame.call(() => 1);`,
  'node_modules/lib/index.js': `import { flame } from './flame.js'; flame.call(() => 1);`,
});
afterAll(() => app.remove());

test('compileFile gives JavaScript, its map, and what it declares', () => {
  const { code, map, functions, warnings } = compileFile('src/thumbs.ts', app.root);
  expect(functions.map(({ id }) => id.replace(/@.*/, '')).sort()).toEqual([...EXPECTED_NAMES].sort());
  expect(code).not.toContain('interface');
  expect(code).not.toContain('sourceMappingURL');
  expect(map?.sources).toEqual([`file://${app.path('src/thumbs.ts')}`]);
  expect(map?.sourcesContent?.[0]).toBe(THUMBS['src/thumbs.ts']);
  expect(warnings).toEqual([]);
  expect(compileFile(app.path('src/thumbs.ts')).functions).toEqual(functions);
});

test('a runner asks whether a file declares flame functions, and nothing of the file runs', () => {
  expect(declaresFlameFunctions('src/thumbs.ts', app.root)).toBe(true);
  expect(declaresFlameFunctions(app.path('src/throws.ts'))).toBe(true);
  for (const path of [
    'src/plain.ts',
    'src/named.ts',
    'src/resize.ts',
    'src/missing.ts',
    'src',
    'package.json',
    'node_modules/lib/index.js',
    '../outside.ts',
  ]) {
    expect(declaresFlameFunctions(path, app.root), path).toBe(false);
  }
  expect(() => declaresFlameFunctions('src/broken.ts', app.root)).toThrow(FlameCompileError);
});

test('the root is FLAME_ROOT, else the folder of flame.config, else that of package.json', () => {
  app.write({ 'deep/er/x.ts': '', 'deep/package.json': '{}' });
  expect(findAppRoot(app.path('deep/er'), {})).toBe(app.path('deep'));
  app.write({ 'flame.config.ts': '' });
  expect(findAppRoot(app.path('deep/er'), {})).toBe(app.root);
  expect(findAppRoot(app.path('deep/er'), { FLAME_ROOT: app.path('src') })).toBe(app.path('src'));
});

test('tsconfig: comments, trailing commas, extends by path and by package, and `paths` as ways into the application', () => {
  app.write({
    'node_modules/@acme/base/tsconfig.json':
      '{ "compilerOptions": { "experimentalDecorators": true, "emitDecoratorMetadata": true } }',
    'conf/one.json':
      '{ "extends": "@acme/base/tsconfig.json", "compilerOptions": { "jsxImportSource": "preact", "verbatimModuleSyntax": true } }',
    'conf/tsconfig.json': `{
      // line "comment", with a quote
      "extends": ["./one", "./missing.json"], /* block */
      "compilerOptions": { "verbatimModuleSyntax": false, "paths": { "@app/*": ["./src/*"], "flame": ["./src/flame.ts"], "*": ["./x/*"], "url//x/*": [], }, },
    }`,
  });
  expect(readTypeScriptSettings(app.path('conf/sub'))).toEqual({
    jsx: 'automatic',
    jsxImportSource: 'preact',
    jsxFactory: undefined,
    jsxFragmentFactory: undefined,
    legacyDecorators: true,
    emitDecoratorMetadata: true,
    assignFields: false,
    keepImports: false,
    aliases: ['@app/', 'flame', 'url//x/'],
  });
  app.write({ 'cycle/tsconfig.json': '{ "extends": "./tsconfig.json" }', 'bad/tsconfig.json': '{ nonsense' });
  expect(readTypeScriptSettings(app.path('cycle')).aliases).toEqual([]);
  expect(readTypeScriptSettings(app.path('bad')).jsx).toBeUndefined();
});
