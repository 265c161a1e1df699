/** Ids: one way to make and check them, for every path that a framework allows and every name that a program has. */
import { join } from 'node:path';
import { functionNameOf, isModulePath, parseFunctionId } from '@flamejs/protocol/function-id';
import { defineFunction } from '@flamejs/queue';
import { ref } from '@flamejs/queue/closures';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { modulePath } from '../src/identity.ts';
import { formatManifest, readManifest } from '../src/manifest.ts';
import { createApplication } from './application.ts';
import { compileText } from './support.ts';

const PATHS = [
  'app/(shop)/[id]/page.ts',
  'app/[[...slug]]/page.tsx',
  'app/@modal/(..)photo/[id]/page.tsx',
  'app/(.)feed/(...)root/page.ts',
  'app/_components/list.tsx',
  'routes/+page.server.ts',
  'routes/[x+3a]/+server.ts',
  'routes/$id.ts',
  'routes/blog_.$slug[.]json.tsx',
  'routes/($lang).about.tsx',
  'routes/~/index.ts',
  'pages/{id}.ts',
  'pages/!important/a,b;c=d&e.ts',
  "pages/it's.ts",
  'pages/"quoted".ts',
  'src/ä/日本/emoji-🙂.ts',
  'src/with space/50%#1.ts',
  'src/a@b/c^d/e`f.ts',
  'src/page.component.spec.mts',
  'server/api/users/[...].get.ts',
  'components/Card.vue',
  'components/Card.svelte',
  'src/pages/[id].astro',
  '.server/hidden.ts',
  `${'deep/'.repeat(60)}end.ts`,
];

const fileOf = (body: string): string => `import { flame } from './flame.ts';\n${body}`;
const compileAt = (module: string, body: string) => {
  const file = /\.(?:vue|svelte|astro)$/.test(module) ? 'a.ts' : module;
  return compileText(fileOf(body), { file, module })?.functions ?? [];
};

test.each(PATHS)('K-07: a flame.fn without a name in %s has a name that callers and runners take', (module) => {
  expect(modulePath(join('/root', module), '/root')).toBe(module);
  const [declared] = compileAt(module, `export const job = flame.fn({ pool: 'x' }, async () => 1);`);
  expect(parseFunctionId(declared?.id ?? '')).toMatchObject({ module, name: 'job' });
  const fn = defineFunction({ pool: 'x' }, ref(declared?.id ?? '', () => () => 1, {}) as never);
  expect(fn.flameName).toBe(declared?.id);
});

test('K-07: a path that no id can name is refused by all of them', () => {
  for (const module of [
    'a\\b.ts',
    'a\nb.ts',
    'node_modules/a.ts',
    '../a.ts',
    `${'deep/'.repeat(300)}end.ts`,
    'a.css',
    'a.d.ts',
  ]) {
    expect(isModulePath(module), module).toBe(false);
    expect(modulePath(join('/root', module), '/root'), module).toBe(undefined);
  }
});

test('K-07: whatever the path and the names, what is written can be read back', () => {
  const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), fc.array(part, { maxLength: 3 }), (folders, keys) => {
      const module = `${folders.join('/')}/a.ts`;
      fc.pre(isModulePath(module));
      const object = keys.reduceRight((inner, key) => `{ ${JSON.stringify(key)}: ${inner} }`, `flame.fn({}, () => 1)`);
      const [declared] = compileAt(module, `export const made = ${object};`);
      expect(parseFunctionId(declared?.id ?? '')).toMatchObject({ module, name: declared?.name });
    }),
    { numRuns: 200 },
  );
});

const TASKS = `export const tasks = {
  'resize-image': flame.fn({ pool: 'x' }, async () => 'a'),
  'resize image': flame.fn({ pool: 'x' }, async () => 'b'),
  [key]: flame.fn({ pool: 'x' }, async () => 'c'),
  'ü/@#%': flame.fn({ pool: 'x' }, async () => 'd'),
  '': flame.fn({ pool: 'x' }, async () => 'e'),
  ${'x'.repeat(3000)}: flame.fn({ pool: 'x' }, async () => 'f'),
};`;

test('K-08: any key of an object gives a name, and names that come out the same are told apart', () => {
  const functions = compileAt('src/a.ts', TASKS);
  expect(functions.map(({ name }) => name)).toEqual([
    'tasks.resize_image',
    'tasks.resize_image/1',
    'tasks',
    'tasks.ü__#_',
    'tasks/1',
    `tasks.${'x'.repeat(194)}`,
  ]);
  for (const { id } of functions) expect(parseFunctionId(id), id).toBeDefined();
  expect(functionNameOf(['🙂'.repeat(300)])).toHaveLength(200);
});

test('K-08: a manifest with any of them is read whole', () => {
  const app = createApplication({});
  const functions = compileAt('src/a.ts', TASKS);
  const modules = new Map([['src/a.ts', { file: app.path('out/a.js'), functions }]]);
  app.write({ 'out/m.json': formatManifest({ release: 'r', modules }, app.path('out')) });
  expect(readManifest(app.path('out/m.json'))).toMatchObject({ modules, skipped: [] });
  app.remove();
});

test('K-08: flame.fn in a function may be evaluated again, and a name that a person gives may have a # in it', () => {
  const [{ id } = { id: '' }] = compileAt(
    'src/again.ts',
    `export const mk = () => flame.fn({ pool: 'x' }, async () => 1);`,
  );
  for (let n = 0; n < 2; n++) defineFunction({ pool: 'x' }, ref(id, () => () => n, {}) as never);
  expect(parseFunctionId('image#resize')).toBeUndefined();
  expect(defineFunction('image#resize', { pool: 'x' }, () => 1).flameName).toBe('image#resize');
});
