/** A build of the corpus by each bundler. Types are taken off by esbuild everywhere, for it is the compiler that is looked at. */
import type { Kind } from './corpus.ts';

export interface CorpusBuild {
  /** Builds `main.ts` into `OUT/main.mjs`, or `OUT/main.cjs`. */
  readonly script: string;
  readonly output: 'mjs' | 'cjs';
  /** What the bundler can keep the meaning of: sloppy code has no place in a bundle that is an ES module. */
  readonly kinds: readonly Kind[];
  /** Titles of programs that the bundler itself changes, with no flame call in them. */
  readonly except?: readonly string[];
}

const url = (name: string): string => JSON.stringify(import.meta.resolve(name));
const path = (name: string): string => JSON.stringify(new URL(import.meta.resolve(name)).pathname);

const TARGET = `target: 'node20', loader: id.endsWith('x') ? 'tsx' : 'ts', sourcefile: id`;
const STRIP = `
import { transform } from ${url('esbuild')};
const strip = { name: 'strip', enforce: 'pre', transform: async (code, id) => /\\.tsx?$/.test(id) ? { code: (await transform(code, { ${TARGET} })).code, map: null } : null };
`;
const EXTERNAL = '[/^@flamejs\\//, /^node:/]';

const esbuild = (format: 'esm' | 'cjs', extension: string): string => `
import { build } from ${url('esbuild')}; import flame from '@flamejs/compiler/esbuild';
await build({ entryPoints: ['main.ts'], outfile: 'OUT/main.${extension}', bundle: true, platform: 'node', format: '${format}', target: 'node20', packages: 'external', minify: true, keepNames: true, logLevel: 'error', plugins: [flame({ manifest: false })] });`;

/** Of webpack, and of Rspack, which reads the same. */
const webpack = (name: string, plugin: string): string =>
  `
import bundler from ${url(name)}; import { flamePlugin } from '@flamejs/compiler/unplugin'; import { writeFileSync } from 'node:fs';
writeFileSync('strip-loader.cjs', \`const { transform } = require(${path('esbuild').replaceAll('"', "'")});
module.exports = function (code) { const id = this.resourcePath; return transform(code, { ${TARGET} }).then((done) => done.code); };\`);
await new Promise((resolve, reject) => bundler.${name === 'webpack' ? '' : 'rspack'}({
  mode: 'production', target: 'node', entry: './main.ts', devtool: false, context: process.cwd(),
  output: { path: process.cwd() + '/OUT', filename: 'main.cjs' },
  externalsType: 'commonjs', externals: ${EXTERNAL},
  module: { rules: [{ test: /\\.tsx?$/, loader: process.cwd() + '/strip-loader.cjs', type: 'javascript/auto' }] },
  // Their minifiers do not read every sloppy program.
  optimization: { minimize: false }, plugins: [flamePlugin.${plugin}({})],
}, (error, stats) => error ? reject(error) : stats.hasErrors() ? reject(new Error(stats.toString({ all: false, errors: true }))) : resolve()));`.replace(
    'bundler.(',
    'bundler(',
  );

const ALL: readonly Kind[] = ['ts', 'tsx', 'cjs'];
const MODULES: readonly Kind[] = ['ts', 'tsx'];

export const CORPUS_BUILDS: Readonly<Record<string, CorpusBuild>> = {
  esbuild: { script: esbuild('esm', 'mjs'), output: 'mjs', kinds: MODULES },
  'esbuild-commonjs': {
    script: esbuild('cjs', 'cjs'),
    output: 'cjs',
    kinds: ['cjs'],
    // It makes a `var` of every block function, which then takes the place of the parameter.
    except: ['a block function with the name of a parameter'],
  },
  rollup: {
    script: `import { rollup } from ${url('rollup')}; import flame from '@flamejs/compiler/rollup'; ${STRIP}
const bundle = await rollup({ input: 'main.ts', plugins: [flame({ manifest: false }), strip], external: ${EXTERNAL}, onwarn: () => {} });
await bundle.write({ file: 'OUT/main.mjs', inlineDynamicImports: true }); await bundle.close();`,
    output: 'mjs',
    kinds: MODULES,
  },
  vite: {
    script: `import { build } from ${url('vite')}; import flame from '@flamejs/compiler/vite'; ${STRIP}
await build({ configFile: false, logLevel: 'error', plugins: [flame({ manifest: false }), strip], build: { ssr: 'main.ts', outDir: 'OUT', minify: true, rolldownOptions: { external: ${EXTERNAL}, output: { entryFileNames: '[name].mjs' } } } });`,
    output: 'mjs',
    kinds: MODULES,
  },
  webpack: { script: webpack('webpack', 'webpack'), output: 'cjs', kinds: ALL },
  rspack: { script: webpack('@rspack/core', 'rspack'), output: 'cjs', kinds: ALL },
};
