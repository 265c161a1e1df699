/** K-16: components are compiled after their framework's plugin has made code of them, and their functions stand in the manifest. */
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { readManifest } from '../src/manifest.ts';
import { type Application, createApplication, FLAME } from './application.ts';

const url = (name: string) => JSON.stringify(import.meta.resolve(name));
const applications: Application[] = [];
afterEach(() => {
  for (const each of applications.splice(0)) each.remove();
});

const MAIN = (component: string): string => `import { ids } from './flame.ts';
import Component, { go } from './${component}';
go(2).then((n: number) => console.log(JSON.stringify({ n, ids, component: typeof Component })));
`;

const SVELTE = `<script module lang="ts">
  import { flame } from './flame.ts';
  export const go = (k: number): Promise<number> => flame.call('images', async () => k + 1);
</script>
<b>{1}</b>
<style>b { color: red }</style>
`;

const VUE = `<script lang="ts">
import { flame } from './flame.ts';
export const go = (k: number): Promise<number> => flame.call('images', async () => k + 1);
</script>
<script setup lang="ts">
const label: string = 'setup';
</script>
<template><b>{{ label }}</b></template>
<style scoped>b { color: red }</style>
`;

/** Stands for a framework whose plugin cuts a file into modules of its own, as Astro's and Vue's development builds do. */
const PARTS = `{
  name: 'parts',
  transform(code, id) {
    if (!/\\.astro$/.test(id)) return null;
    return 'export { go } from ' + JSON.stringify(id + '?astro&type=script&index=0&lang.ts') + '; export default {};';
  },
  load(id) {
    if (!id.includes('.astro?')) return null;
    const code = readFileSync(id.replace(/\\?.*/, ''), 'utf8');
    return transformSync('a.ts', code, { lang: 'ts' }).code;
  },
  resolveId(id) { return id.includes('.astro?') ? id : null; },
}`;

const vite = (
  plugins: string,
): string => `import { build } from ${url('vite')}; import flame from '@flamejs/compiler/vite'; ${plugins}
await build({ configFile: false, logLevel: 'warn', plugins: [flame(), ...plugins], ssr: { noExternal: ['svelte', 'vue'] }, build: { ssr: 'src/main.ts', outDir: 'out', minify: false, rolldownOptions: { external: [/^@flamejs/], output: { entryFileNames: '[name].js' } } } });`;

const PARTS_HEAD = `import { readFileSync } from 'node:fs'; import { transformSync } from ${url('oxc-transform')};`;
const CASES: Readonly<Record<string, readonly [file: string, text: string, build: string]>> = {
  'Svelte in Vite': [
    'Card.svelte',
    SVELTE,
    vite(`import { svelte } from ${url('@sveltejs/vite-plugin-svelte')}; const plugins = [svelte()];`),
  ],
  'Vue in Vite': ['Card.vue', VUE, vite(`import vue from ${url('@vitejs/plugin-vue')}; const plugins = [vue()];`)],
  'modules cut from a file in Vite': [
    'Card.astro',
    `import { flame } from './flame.ts';\nexport const go = (k: number) => flame.call('images', async () => k + 1);`,
    vite(`${PARTS_HEAD} const plugins = [${PARTS}];`),
  ],
  'modules cut from a file in Rollup': [
    'Card.astro',
    `import { flame } from './flame.ts';\nexport const go = (k: number) => flame.call('images', async () => k + 1);`,
    `import { rollup } from ${url('rollup')}; import flame from '@flamejs/compiler/rollup'; ${PARTS_HEAD}
const strip = { name: 'strip', transform: (code, id) => id.endsWith('.ts') && !id.includes('?') ? transformSync(id, code, { lang: 'ts' }) : null };
const bundle = await rollup({ input: 'src/main.ts', plugins: [flame(), ${PARTS}, strip], external: [/^@flamejs/] });
await bundle.write({ dir: 'out', entryFileNames: '[name].js' }); await bundle.close();`,
  ],
};

test.each(Object.keys(CASES))('K-16: %s', async (name) => {
  const [file, text, build] = CASES[name] ?? ['', '', ''];
  const app = createApplication({
    'src/flame.ts': FLAME,
    [`src/${file}`]: text,
    'src/main.ts': MAIN(file),
    'build.mjs': build,
  });
  applications.push(app);
  for (const framework of ['svelte', 'vue']) app.link(framework);
  const built = await app.node(['build.mjs']);
  expect(built.exitCode, built.stdout + built.stderr).toBe(0);
  const { stdout, stderr } = await app.node(['out/main.js']);
  const { n, ids } = JSON.parse(stdout.trim() || JSON.stringify({ stderr }));
  expect([n, ids], stderr).toEqual([3, [expect.stringMatching(new RegExp(`^src/${file}#go/0@[\\w-]{12}$`))]]);
  const manifest = readManifest(app.path('out/flame-manifest.json'));
  expect(manifest.modules.get(`src/${file}`)?.functions.map(({ id }) => id)).toEqual(ids);
  const placed = manifest.modules.get(`src/${file}`)?.file ?? '';
  expect(existsSync(placed) && readFileSync(placed, 'utf8')).toContain(ids[0]);
});
