/** A build of the example by each bundler that the compiler supports, as an application would write it. */
const url = (name: string): string => JSON.stringify(import.meta.resolve(name));

/** What runs as it is installed; the rest goes into the bundle. */
const EXTERNAL = '[/^@flamejs\\//, "sharp", "pino"]';

/** Rollup reads no TypeScript by itself. */
const STRIP = `
import { transformSync } from ${url('oxc-transform')};
const strip = { name: 'strip', transform: (code, id) => id.endsWith('.ts') ? transformSync(id, code, { lang: 'ts', sourcemap: true }) : null };
`;

/** Scripts that build `src/few.ts` into `out`. */
export const BUILDS: Readonly<Record<string, string>> = {
  esbuild: `import { build } from ${url('esbuild')}; import flame from '@flamejs/compiler/esbuild';
await build({ entryPoints: ['src/few.ts'], outdir: 'out', bundle: true, platform: 'node', format: 'esm', sourcemap: true, minify: true, packages: 'external', plugins: [flame()] });`,
  rollup: `import { rollup } from ${url('rollup')}; import flame from '@flamejs/compiler/rollup'; ${STRIP}
const bundle = await rollup({ input: 'src/few.ts', plugins: [flame({ chunks: true }), strip], external: ${EXTERNAL} });
await bundle.write({ dir: 'out', sourcemap: true, entryFileNames: '[name].js' }); await bundle.close();`,
  vite: `import { build } from ${url('vite')}; import flame from '@flamejs/compiler/vite';
await build({ configFile: false, logLevel: 'warn', plugins: [flame({ chunks: true })], build: { ssr: 'src/few.ts', outDir: 'out', sourcemap: true, minify: true, rolldownOptions: { external: ${EXTERNAL}, output: { entryFileNames: '[name].js' } } } });`,
  rolldown: `import { rolldown } from ${url('rolldown')}; import flame from '@flamejs/compiler/rolldown';
const bundle = await rolldown({ input: 'src/few.ts', platform: 'node', plugins: [flame()], external: ${EXTERNAL} });
await bundle.write({ dir: 'out', sourcemap: true, minify: true, entryFileNames: '[name].js' }); await bundle.close();`,
};
