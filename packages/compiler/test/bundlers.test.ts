import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { FlameManifestError, fileOfFunction, readManifest } from '../src/manifest.ts';
import { type Application, createApplication, EXPECTED_NAMES, RESULTS, reportOf, THUMBS } from './application.ts';

/** Every push sees one bundler of each kind; the whole matrix, and minifying, are nightly. */
const nightly = process.env.FLAME_TIER === 'nightly';
const only = (...bundlers: string[]): string[] => bundlers.filter((each) => nightly || PUSHED.has(each));
const PUSHED: ReadonlySet<string> = new Set(['vite', 'rollup', 'esbuild (ESM)']);

const applications: Application[] = [];
afterEach(() => {
  for (const each of applications.splice(0)) each.remove();
});
const application = (files: Readonly<Record<string, string>> = {}): Application => {
  const created = createApplication({
    ...THUMBS,
    // Bundlers resolve `.js` to `.ts`, but Rollup needs a plugin for the rest of TypeScript: a stripper in a few lines.
    'strip.mjs': `import { transformSync } from ${JSON.stringify(import.meta.resolve('oxc-transform'))};
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
export default {
  name: 'strip',
  resolveId(id, from) { if (from && id.startsWith('.')) { const path = resolve(dirname(from), id.replace(/\\.js$/, '.ts')); return existsSync(path) ? path : null; } },
  transform(code, id) { return id.endsWith('.ts') ? transformSync(id, code, { lang: 'ts', sourcemap: true }) : null; },
};
`,
    ...files,
  });
  applications.push(created);
  return created;
};

const url = (name: string) => JSON.stringify(import.meta.resolve(name));
const RUNTIME = '@flamejs/queue/closures';

/** One build script for each bundler; `PLUGIN` is replaced by the plugin's options. */
const BUILDS: Readonly<Record<string, string>> = {
  vite: `import { build } from ${url('vite')}; import flame from '@flamejs/compiler/vite';
await build({ configFile: false, logLevel: 'warn', plugins: [flame(PLUGIN)], build: { ssr: 'src/main.ts', outDir: 'out', sourcemap: true, minify: MINIFY, rolldownOptions: { output: { entryFileNames: '[name].js' } } } });`,
  rollup: `import { rollup } from ${url('rollup')}; import flame from '@flamejs/compiler/rollup'; import strip from './strip.mjs';
const bundle = await rollup({ input: 'src/main.ts', plugins: [flame(PLUGIN), strip], external: ['${RUNTIME}'] });
await bundle.write({ dir: 'out', sourcemap: true, entryFileNames: '[name].js' }); await bundle.close();`,
  rolldown: `import { rolldown } from ${url('rolldown')}; import flame from '@flamejs/compiler/rolldown';
const bundle = await rolldown({ input: 'src/main.ts', platform: 'node', plugins: [flame(PLUGIN)], resolve: { extensionAlias: { '.js': ['.ts', '.js'] } }, external: ['${RUNTIME}'] });
await bundle.write({ dir: 'out', sourcemap: true, minify: MINIFY, entryFileNames: '[name].js' }); await bundle.close();`,
  'esbuild (ESM)': `import { build } from ${url('esbuild')}; import flame from '@flamejs/compiler/esbuild';
await build({ entryPoints: ['src/main.ts'], outdir: 'out', bundle: true, platform: 'node', format: 'esm', sourcemap: true, minify: MINIFY, packages: 'external', plugins: [flame(PLUGIN)] });`,
  'esbuild (CommonJS)': `import { build } from ${url('esbuild')}; import flame from '@flamejs/compiler/esbuild';
await build({ entryPoints: ['src/main.ts'], outdir: 'out', bundle: true, platform: 'node', format: 'cjs', sourcemap: true, minify: MINIFY, packages: 'external', outExtension: { '.js': '.cjs' }, plugins: [flame(PLUGIN)] });`,
};

async function build(app: Application, bundler: string, plugin = '', minify = false): Promise<void> {
  const script = (BUILDS[bundler] ?? '').replace('PLUGIN', plugin).replace('MINIFY', String(minify));
  app.write({ 'build.mjs': script });
  const outcome = await app.node(['build.mjs']);
  expect(outcome.exitCode, outcome.stdout + outcome.stderr).toBe(0);
}

const entryOf = (app: Application): string => (existsSync(app.path('out/main.cjs')) ? 'out/main.cjs' : 'out/main.js');

test('every bundler and the loader give the same functions the same ids, and stacks the line of the source', async () => {
  const seen = new Map<string, readonly string[]>();
  const check = (way: string, app: Application, report: ReturnType<typeof reportOf>): void => {
    expect(report.results, way).toEqual(RESULTS);
    expect(report.stack, way).toContain(`${app.path('src/thumbs.ts')}:18:`);
    seen.set(way, report.ids);
  };
  const app = application();
  check('register', app, reportOf(await app.node(['--import', '@flamejs/compiler/register', 'src/main.ts'])));
  for (const bundler of only(...Object.keys(BUILDS))) {
    for (const minify of nightly ? [false, true] : [bundler !== 'rollup']) {
      const built = application();
      await build(built, bundler, '', minify);
      const outcome = await built.node(['--enable-source-maps', entryOf(built)]);
      check(`${bundler}${minify ? ', minified' : ''}`, built, reportOf(outcome));
    }
  }
  const [first] = seen.values();
  expect(first?.map((id) => id.replace(/@.*$/, ''))).toEqual(EXPECTED_NAMES);
  for (const [way, ids] of seen) expect(ids, way).toEqual(first);
});

/** Imports what the manifest says about an id, in a fresh process, and prints what is registered then. */
const LOOK_UP = `import { findClosure } from '@flamejs/queue/closures';
const [file, id] = process.argv.slice(2);
await import(file);
const entry = findClosure(id);
console.log(JSON.stringify({ found: entry?.id ?? null, result: entry ? await entry.factory({ image: 'm', size: 3 })() : null }));
`;

test.each(only('vite', 'rollup', 'rolldown', 'esbuild (ESM)', 'esbuild (CommonJS)'))(
  'the manifest of %s leads a runner to the file that registers a function',
  async (bundler) => {
    const app = application({ 'look-up.mjs': LOOK_UP });
    await build(app, bundler);
    const manifest = readManifest(app.path('out/flame-manifest.json'));
    expect(manifest.release).toMatch(/^[0-9a-f]{12}$/);
    expect([...manifest.modules.keys()]).toEqual(['src/thumbs.ts']);
    const functions = manifest.modules.get('src/thumbs.ts')?.functions ?? [];
    expect(functions.map(({ name, captures }) => [name, captures])).toEqual([
      ['double', []],
      ['makeThumb/0', ['image', 'size']],
      ['=crop', []],
      ['fail/0', ['why']],
    ]);
    const id = functions[1]?.id ?? '';
    const file = fileOfFunction(manifest, id) ?? '';
    const { stdout, stderr } = await app.node(['look-up.mjs', file, id]);
    expect(stdout.trim().split('\n').at(-1), stderr).toBe(JSON.stringify({ found: id, result: 'm 6 cover' }));
  },
);

/** Two entries that share the module, and a dynamic import: bundlers split this into several chunks. */
const SPLIT = {
  'src/other.ts': `import { makeThumb } from './thumbs.js'; console.log('OTHER RAN'); makeThumb('o', { size: 1 });`,
  'src/lazy.ts': `import { flame } from './flame.js'; export const later = (n: number) => flame.call('images', async () => n * 100);`,
  'src/main.ts': `import { makeThumb } from './thumbs.js'; console.log('MAIN RAN'); makeThumb('m', { size: 1 }); import('./lazy.js').then(({ later }) => later(2));`,
  'look-up.mjs': LOOK_UP,
};

test.each(only('vite', 'rollup', 'rolldown', 'esbuild (ESM)'))(
  'the manifest survives code splitting in %s',
  async (bundler) => {
    const app = application(SPLIT);
    const inputs = `{ main: 'src/main.ts', other: 'src/other.ts' }`;
    const script = (BUILDS[bundler] ?? '')
      .replace(`ssr: 'src/main.ts'`, `ssr: true`)
      .replace('rolldownOptions: {', `rolldownOptions: { input: ${inputs},`)
      .replace(/input: 'src\/main\.ts'/, `input: ${inputs}`)
      .replace(`entryPoints: ['src/main.ts']`, `entryPoints: ['src/main.ts', 'src/other.ts'], splitting: true`)
      .replace('PLUGIN', '')
      .replace('MINIFY', 'true');
    app.write({ 'build.mjs': script });
    const outcome = await app.node(['build.mjs']);
    expect(outcome.exitCode, outcome.stdout + outcome.stderr).toBe(0);
    const manifest = readManifest(app.path('out/flame-manifest.json'));
    expect([...manifest.modules.keys()]).toEqual(['src/lazy.ts', 'src/thumbs.ts']);
    for (const [module, { file, functions }] of manifest.modules) {
      expect(existsSync(file), file).toBe(true);
      for (const { id } of functions.slice(0, 1)) {
        const { stdout, stderr } = await app.node(['look-up.mjs', file, id]);
        expect(stdout, module + stderr).toContain(`"found":"${id}"`);
        // A shared or lazy chunk registers functions without running an entry.
        expect(stdout, module).not.toContain('RAN');
      }
    }
  },
);

test.each(only('vite', 'rollup', 'rolldown'))(
  'with `chunks`, %s gives a module its own chunk and the entry does not run',
  async (bundler) => {
    const app = application({
      'look-up.mjs': LOOK_UP,
      'src/main.ts': SPLIT['src/main.ts'].replace(/import\('.*$/, ''),
    });
    await build(app, bundler, '{ chunks: true }');
    const manifest = readManifest(app.path('out/flame-manifest.json'));
    const { file, functions } = manifest.modules.get('src/thumbs.ts') ?? { file: '', functions: [] };
    const id = functions[1]?.id ?? '';
    const { stdout, stderr } = await app.node(['look-up.mjs', file, id]);
    expect(stdout, stderr).toBe(`${JSON.stringify({ found: id, result: 'm 6 cover' })}\n`);
    expect((await app.node(['out/main.js'])).stdout).toBe('MAIN RAN\n');
  },
);

test.each(['vite', 'rollup', 'esbuild (ESM)'])(
  '%s stops at a capture that cannot be shipped and shows the frame',
  async (bundler) => {
    const app = application({
      'src/main.ts': `import { flame } from './flame.js';\nexport function f() {\n  let n = 0;\n  flame.call('x', () => {\n    n++;\n  });\n}\n`,
    });
    app.write({ 'build.mjs': (BUILDS[bundler] ?? '').replace('PLUGIN', '').replace('MINIFY', 'false') });
    const { exitCode, stderr, stdout } = await app.node(['build.mjs']);
    expect(exitCode).not.toBe(0);
    expect(stdout + stderr).toContain('error FLAME101: assignment to captured variable `n`');
    expect(stdout + stderr).toContain('> 5 |     n++;');
  },
);

test('a release that is given is written; otherwise the same source gives the same one, and other source another', async () => {
  const releaseOf = async (plugin: string, files: Readonly<Record<string, string>> = {}): Promise<string> => {
    const app = application(files);
    await build(app, 'rollup', plugin);
    return readManifest(app.path('out/flame-manifest.json')).release;
  };
  const [given, first, again, changed] = [
    await releaseOf(`{ release: 'v7' }`),
    await releaseOf(''),
    await releaseOf(''),
    await releaseOf('', { 'src/resize.ts': THUMBS['src/resize.ts'].replace('n * 2', 'n * 3') }),
  ];
  expect(given).toBe('v7');
  expect(again).toBe(first);
  expect(changed).not.toBe(first);
});

test('without functions, or with `manifest: false`, no manifest is written', async () => {
  const app = application();
  await build(app, 'rollup', '{ manifest: false }');
  expect(readdirSync(app.path('out'))).not.toContain('flame-manifest.json');
  const plain = application({ 'src/main.ts': 'console.log(1);' });
  await build(plain, 'esbuild (ESM)');
  expect(readdirSync(plain.path('out'))).not.toContain('flame-manifest.json');
});

test('S-09 K-08: a damaged manifest is refused; an entry that is damaged or leads out of the folder is skipped, and no other', () => {
  const app = application();
  const write = (value: unknown): string => {
    app.write({ 'out/m.json': typeof value === 'string' ? value : JSON.stringify(value) });
    return app.path('out/m.json');
  };
  const fn = { id: 'src/a.ts#f/0@yYHLRAKsiIO1', name: 'f/0', captures: [], line: 1 };
  const good = { version: 1, release: 'r', modules: { 'src/a.ts': { file: 'a.js', functions: [fn] } } };
  expect(fileOfFunction(readManifest(write(good)), fn.id)).toBe(join(dirname(app.path('out/m.json')), 'a.js'));
  expect(fileOfFunction(readManifest(write(good)), '__proto__')).toBeUndefined();
  expect(fileOfFunction(readManifest(write(good)), 'constructor#f/0@yYHLRAKsiIO1')).toBeUndefined();
  for (const bad of ['not json', {}, [], { ...good, version: 2 }, { ...good, release: 1 }, { ...good, modules: [] }]) {
    expect(() => readManifest(write(bad)), JSON.stringify(bad)).toThrow(/build again with the Flame plugin/);
  }
  // One bad entry takes no other with it.
  const other = { file: 'b.js', functions: [{ ...fn, id: 'src/b.ts#f/0@yYHLRAKsiIO1' }] };
  for (const bad of [
    { file: '../../etc/passwd', functions: [fn] },
    { file: '/etc/passwd', functions: [fn] },
    { file: '', functions: [fn] },
    { file: 'a.js' },
    null,
  ]) {
    const read = readManifest(write({ ...good, modules: { 'src/a.ts': bad, 'src/b.ts': other } }));
    expect([...read.modules.keys()], JSON.stringify(bad)).toEqual(['src/b.ts']);
    expect(fileOfFunction(read, fn.id)).toBeUndefined();
    expect(read.skipped).toEqual([expect.stringMatching(/module "src\/a.ts" .*build again with the Flame plugin/)]);
  }
  for (const bad of [
    { ...fn, id: 'src/b.ts#f/0@yYHLRAKsiIO1' },
    { ...fn, captures: [1] },
    { ...fn, id: 'src/a.ts#a-b@x' },
    null,
  ]) {
    const read = readManifest(write({ ...good, modules: { 'src/a.ts': { file: 'a.js', functions: [bad, fn] } } }));
    expect(read.modules.get('src/a.ts')?.functions, JSON.stringify(bad)).toEqual([fn]);
    expect(read.skipped).toHaveLength(1);
  }
  expect(() => readManifest(app.path('missing.json'))).toThrow(/cannot be read/);
  expect(() => readManifest(app.path('missing.json'))).toThrow(FlameManifestError);
  expect(readFileSync(write(good), 'utf8')).toContain('"version":1');
});
