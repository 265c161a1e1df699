/**
 * A caller that is bundled whole and runs where no package is installed, as in a container with one file; and functions
 * that are found in several files of one process, however those were loaded.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNode } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { settles } from '../support/wait-for.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const TSX = import.meta.resolve('tsx');
let redis: RedisServer;
/** Below the repository, so that builds find what an application has installed. */
let sources: string;
/** Where nothing is installed. */
let bare: string;
beforeAll(async () => {
  redis = await startRedis();
  mkdirSync(join(repository, 'reports'), { recursive: true });
  sources = mkdtempSync(join(repository, 'reports/bundles-'));
  bare = mkdtempSync(join(tmpdir(), 'flame-bundles-'));
  write('package.json', '{"type":"module"}');
});
afterAll(async () => {
  await redis.stop();
  for (const folder of [sources, bare]) rmSync(folder, { recursive: true, force: true });
});

const write = (name: string, text: string): string => {
  const file = join(sources, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

const run = async (file: string, nodeArgs: readonly string[] = [], env: Record<string, string> = {}): Promise<Ran> => {
  await using program = await startNode(file, {
    cwd: dirname(file),
    nodeArgs,
    env: { FLAME_REDIS_URL: redis.url, ...env },
  });
  const { code } = await settles(program.exited, { what: file, timeoutMs: 100_000 });
  return { code, output: program.output() };
};

const CONFIG = `import { local } from '@flamejs/autoscaler/local';
  import { defineConfig } from '@flamejs/queue';
  export default defineConfig({ app: 'bundled', pools: { main: { backend: local() } } });`;
const CALLER = `import { createFlame } from '@flamejs/queue';
  import config from './flame.config.mjs';
  const flame = createFlame(config);
  const hello = flame.fn('hello', { pool: 'main' }, (name) => 'Hello ' + name);
  const main = async () => {
    if (process.env.FLAME_MODE === 'inline') console.log(await flame.call(hello, 'you'));
    else console.log((await flame.attach((await flame.cast(hello, 'you')).id).status()).state);
    await flame.close();
  };
  main();`;

type Outputs = Readonly<Partial<Record<'es' | 'cjs', string>>>;

/** As an application's build script: esbuild needs a `require` for the CommonJS packages of an ES module. */
const BUILDS: Readonly<Record<string, string>> = {
  esbuild: `import { build } from 'esbuild';
    const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
    const options = { bundle: true, platform: 'node', minify: true };
    export default async (input, { es, cjs }) => {
      if (es) await build({ ...options, entryPoints: [input], outfile: es, format: 'esm', banner: { js: banner } });
      if (cjs) await build({ ...options, entryPoints: [input], outfile: cjs, format: 'cjs' });
    };`,
  Rollup: `import { rollup } from 'rollup';
    import commonjs from '@rollup/plugin-commonjs';
    import json from '@rollup/plugin-json';
    import { nodeResolve } from '@rollup/plugin-node-resolve';
    export default async (input, outputs) => {
      const bundle = await rollup({ input, plugins: [nodeResolve(), commonjs(), json()], treeshake: false, onwarn() {} });
      for (const [format, file] of Object.entries(outputs)) await bundle.write({ file, format, inlineDynamicImports: true });
      await bundle.close();
    };`,
};

const build = async (bundler: string, input: string, outputs: Outputs): Promise<void> => {
  write(`${bundler}.mjs`, BUILDS[bundler] ?? '');
  const given = `${JSON.stringify(input)}, ${JSON.stringify(outputs)}`;
  const script = write(`build-${bundler}.mjs`, `import build from './${bundler}.mjs'; await build(${given});`);
  const { code, output } = await run(script);
  expect(code, output).toBe(0);
};

test.each(['esbuild', 'Rollup'])(
  'A-21: bundled by %s, as ES module and as CommonJS, a caller runs where nothing is installed',
  async (bundler) => {
    write('flame.config.mjs', CONFIG);
    const outputs = { es: join(bare, `${bundler}-caller.mjs`), cjs: join(bare, `${bundler}-caller.cjs`) };
    await build(bundler, write('caller.mjs', CALLER), outputs);
    for (const file of Object.values(outputs)) {
      expect(await run(file)).toEqual({ code: 0, output: expect.stringContaining('waiting') });
      const inline = await run(file, [], { FLAME_MODE: 'inline' });
      expect(inline).toEqual({ code: 0, output: expect.stringContaining('Hello you') });
    }
  },
);

test('A-03: a config with a backend brings no autoscaler into the bundle of a caller', async () => {
  write('flame.config.mjs', CONFIG);
  const input = write('caller.mjs', CALLER);
  const { build: esbuild } = await import('esbuild');
  const { metafile } = await esbuild({
    ...{ entryPoints: [input], bundle: true, write: false, outdir: bare, platform: 'node', format: 'esm' },
    metafile: true,
  });
  const own = Object.keys(metafile.inputs).filter((name) => /packages\/(autoscaler|runner|dashboard|cli)\//.test(name));
  expect(own.filter((name) => !/autoscaler\/dist\/backends\/(local|instance-end)/.test(name))).toEqual([]);
  // Nor what finds and loads configs, which imports what a bundler cannot see.
  expect(Object.keys(metafile.inputs).filter((name) => /load-config|typescript-loader/.test(name))).toEqual([]);
});

describe('functions of one name', () => {
  const module = (name: string, text: string): string =>
    write(
      name,
      `import { defineFunction } from '@flamejs/queue';\nexport const same = defineFunction('same', {}, ${text});\n`,
    );
  const both = (first: string, second: string): string =>
    `import('${first}').then(() => import('${second}')).then(() => console.log('both'), (error) => console.log(error.message));`;
  const refused =
    /flame\.fn\('same'\).* another function has this name: it is defined in .*one\.(ts|mjs):2:\d+ and in .*two\.(ts|mjs):2:\d+/s;

  test.each([
    ['by Node itself', 'mjs', []],
    ['with source maps on', 'mjs', ['--enable-source-maps']],
    ['by tsx', 'ts', ['--import', TSX]],
  ] as const)('C-13: two that are loaded %s are refused with both places', async (_how, extension, nodeArgs) => {
    module(`two/one.${extension}`, '() => 1');
    module(`two/two.${extension}`, '() => 2');
    const main = write(`two/main.${extension}`, both(`./one.${extension}`, `./two.${extension}`));
    expect(await run(main, nodeArgs)).toEqual({ code: 0, output: expect.stringMatching(refused) });
  });

  test('C-13: so are two in a package of CommonJS, by tsx', async () => {
    write('typeless/package.json', '{}');
    module('typeless/one.ts', '() => 1');
    module('typeless/two.ts', '() => 2');
    const main = write('typeless/main.ts', both('./one', './two'));
    expect(await run(main, ['--import', TSX])).toEqual({ code: 0, output: expect.stringMatching(refused) });
  });

  test('C-13: two in one minified bundle are refused; A-25: one that stands in two bundles is not', async () => {
    const one = module('bundled/one.mjs', "(size) => 'small ' + size");
    module('bundled/two.mjs', "(size) => 'large ' + size");
    const clash = write('bundled/clash.mjs', "import './one.mjs'; import './two.mjs';");
    const file = join(bare, 'clash.mjs');
    await build('esbuild', clash, { es: file });
    const { output } = await run(file);
    expect(output).toMatch(
      /another function has this name: it is defined in .*clash\.mjs:\d+:\d+ and in .*clash\.mjs:\d+/,
    );
    for (const name of ['page', 'route']) {
      const input = write(`bundled/${name}.mjs`, `import '${one}'; console.log('${name}');`);
      await build('esbuild', input, { es: join(bare, `${name}.mjs`) });
    }
    const main = join(bare, 'main.mjs');
    writeFileSync(main, both('./page.mjs', './route.mjs'));
    expect((await run(main)).output).toMatch(/page\nroute\nboth\n$/);
  });
});
