import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findModules } from '../dist/find-modules.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flame-modules-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const place = (...files: readonly string[]): void => {
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
};
/** What the patterns find, relative to the root. */
const found = async (...patterns: readonly string[]): Promise<readonly string[]> =>
  (await findModules(patterns, root)).map((path) => path.slice(root.length + 1));

test.each([
  ['./src/tasks/*.ts', 'src/tasks/a.js'],
  ['./src/tasks/*.ts', 'dist/tasks/a.js'],
  ['./src/tasks/*.ts', 'dist/src/tasks/a.js'],
  ['./tasks.mts', 'dist/tasks.mjs'],
  ['./src/**/*.{ts,tsx}', 'dist/deep/a.cjs'],
  ['./src/view.tsx', 'dist/view.js'],
])('A-09 %s finds %s, which a compiler made of it', async (pattern, file) => {
  place(file);
  expect(await found(pattern)).toEqual([file]);
});

test('A-09 where the source stands it is taken, and what was compiled of it is not', async () => {
  place('src/tasks/a.ts', 'src/tasks/b.ts', 'dist/tasks/a.js');
  expect(await found('./src/tasks/*.ts')).toEqual(['src/tasks/a.ts', 'src/tasks/b.ts']);
});

test('A-09 a pattern of JavaScript stands for itself alone', async () => {
  place('dist/tasks/a.js');
  await expect(found('./src/tasks/*.js')).rejects.toThrow(`"./src/tasks/*.js" matches no file under ${root}`);
});

test('A-09 what matches in no layout is named with its place, all of it at once', async () => {
  place('dist/tasks/a.js');
  const finding = found('./src/tasks/*.ts', './src/jobs/*.ts', './missing.mjs');
  await expect(finding).rejects.toMatchObject({
    code: 'FLAME_ERR_CONFIG',
    problems: [
      {
        path: 'functions[1]',
        message: expect.stringContaining('(nor does its compiled form, as .js, in dist/ or not)'),
      },
      { path: 'functions[2]', message: `"./missing.mjs" matches no file under ${root}` },
    ],
  });
});

test('a file that several patterns find is one module; types, maps and installed packages are none', async () => {
  place('tasks/b.js', 'tasks/a.js', 'tasks/a.d.ts', 'tasks/a.js.map', 'tasks/node_modules/x/i.js');
  expect(await found('./tasks/**/*', './tasks/a.js')).toEqual(['tasks/a.js', 'tasks/b.js']);
});

test('a path with the marks of a pattern in it is that file where there is one', async () => {
  place('app/(jobs)/[id].js');
  expect(await found('./app/(jobs)/[id].js')).toEqual(['app/(jobs)/[id].js']);
});
