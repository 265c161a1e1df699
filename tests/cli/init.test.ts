/** `flame init`: what it writes works at once. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode } from '../support/processes.ts';
import { settles } from '../support/wait-for.ts';
import { flame } from './flame.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const TSX = import.meta.resolve('tsx');
let folder: string;
beforeAll(() => {
  // Below the repository, so that the packages are found as in an application that has installed them.
  mkdirSync(join(root, 'reports'), { recursive: true });
  folder = mkdtempSync(join(root, 'reports/init-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const init = (...args: string[]) =>
  flame(['init', ...args], { cwd: folder, env: { npm_config_user_agent: undefined } });
const files = (): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.([cm]?ts|[cm]?js)$/.test(name))
    .sort();
const write = (name: string, value: unknown): void =>
  writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value));

const run = async (file: string, nodeArgs: readonly string[] = []): Promise<string> => {
  await using program = await startNode(join(folder, file), { cwd: folder, env: { FLAME_MODE: 'inline' }, nodeArgs });
  const { code } = await settles(program.exited, { what: file, timeoutMs: 60_000 });
  expect([code, program.output()]).toEqual([0, expect.any(String)]);
  return program.output();
};

const main = (extension: string): string => `
  import { flame } from './src/flame${extension}';
  import { hello } from './src/tasks/hello${extension}';
  void flame.call(hello, 'world').then(async (text) => {
    console.log(text);
    await flame.close();
  });
`;
const SAID = 'Hello world, from the application itself\n';

test('an application of JavaScript gets three files that work, named after its package', async () => {
  write('package.json', { name: '@acme/Photo_Shop' });
  const { code, output } = await init();
  expect([code, output]).toEqual([0, expect.stringContaining('npx flamejs dev')]);
  expect(files()).toEqual(['flame.config.mjs', 'src/flame.mjs', 'src/tasks/hello.mjs']);
  expect(readFileSync(join(folder, 'flame.config.mjs'), 'utf8')).toContain("app: 'photo-shop'");
  write('main.mjs', main('.mjs'));
  expect(await run('main.mjs')).toBe(SAID);
});

test('a second time nothing is written or replaced', async () => {
  const before = files();
  const again = await init();
  expect([again.code, again.output]).toEqual([0, 'flame.config.mjs is there already: nothing was written\n']);
  expect(files()).toEqual(before);
  rmSync(join(folder, 'flame.config.mjs'));
  const conflict = await init();
  expect([conflict.code, conflict.output]).toEqual([
    1,
    expect.stringContaining('src/flame.mjs, src/tasks/hello.mjs are there already'),
  ]);
  expect(files()).toEqual(before.filter((name) => name !== 'flame.config.mjs'));
});

test('an application of CommonJS gets files that are required', async () => {
  clear();
  write('package.json', { name: 'old', type: 'commonjs', main: 'main.js' });
  write('main.js', "const path = require('node:path');");
  expect((await init()).code).toBe(0);
  expect(files()).toEqual(['flame.config.js', 'main.js', 'src/flame.js', 'src/tasks/hello.js']);
  write(
    'main.js',
    `const { flame } = require('./src/flame.js');
     const { hello } = require('./src/tasks/hello.js');
     flame.call(hello, 'world').then((text) => { console.log(text); return flame.close(); });`,
  );
  expect(await run('main.js')).toBe(SAID);
});

test.each([
  ['node16', 'module', 'ts', '.js'],
  ['node16', 'commonjs', 'mts', '.mjs'],
  ['nodenext', 'module', 'ts', '.js'],
  ['nodenext', 'commonjs', 'mts', '.mjs'],
  ['bundler', 'module', 'ts', '.js'],
])(
  'A-08: with %s, in a package of type %s, it passes the compiler of `tsc --init`, and runs before and after it',
  async (resolution, type, extension, imported) => {
    clear();
    write('package.json', { name: 'typed', type });
    const module =
      resolution === 'bundler' ? { module: 'esnext', moduleResolution: 'bundler' } : { module: resolution };
    const compilerOptions = { ...TSC_INIT, ...module, outDir: 'dist' };
    write('tsconfig.json', `// as tsc writes it\n${JSON.stringify({ compilerOptions }).replace(/}}$/, ',}}')}`);
    expect((await init()).code).toBe(0);
    expect(files()).toEqual([`flame.config.${extension}`, `src/flame.${extension}`, `src/tasks/hello.${extension}`]);
    write(`main.${extension}`, main(imported));
    expect(await compile()).toBe('');
    expect(await run(`main.${extension}`, ['--import', TSX])).toBe(SAID);
    expect(await run(`dist/main${imported}`)).toBe(SAID);
  },
);

test('A-08: with all sources in one folder, and imports that name TypeScript', async () => {
  clear();
  write('package.json', { name: 'typed', type: 'module' });
  const compilerOptions = { ...TSC_INIT, rootDir: './src', outDir: 'dist', rewriteRelativeImportExtensions: true };
  write('tsconfig.json', { compilerOptions });
  expect((await init()).code).toBe(0);
  expect(files()).toEqual(['src/flame.config.ts', 'src/flame.ts', 'src/tasks/hello.ts']);
  write('src/main.ts', main('.ts').replaceAll('./src/', './'));
  expect(await compile()).toBe('');
  expect(await run('dist/main.js')).toBe(SAID);
  // The config is found where it is.
  expect((await flame(['doctor'], { cwd: folder, env: {} })).output).toMatch(/config: .*src\/flame\.config\.ts/);
});

test('a pool or a duration that cannot be is an error where it stands', async () => {
  const text = readFileSync(join(folder, 'src/tasks/hello.ts'), 'utf8');
  write('src/tasks/wrong.ts', text.replace("pool: 'main'", "pool: 'mian', timeout: '5 sec'"));
  const said = await compile();
  expect(said).toMatch(/wrong\.ts.*Type '"mian"' is not assignable to type '"main"'/);
  expect(said).toMatch(/wrong\.ts.*Type '"5 sec"' is not assignable/);
  expect(said.match(/error/g)).toHaveLength(2);
});

test.each([
  [{ express: '5' }, 'npm', "load('flamejs/express')"],
  [{ fastify: '5' }, 'pnpm', "from 'flamejs/fastify'"],
  [{ hono: '4' }, 'yarn', 'c.text'],
  [{ next: '16', vitest: '4' }, 'bun', "from 'flamejs/next'"],
  [{ '@nestjs/core': '11', jest: '30' }, 'npm', 'FlameModule.forRoot'],
  [{ vite: '8' }, 'npm', 'server/flame'],
] as const)(
  'what it says fits the packages of the application and their manager: %o, %s',
  async (dependencies, manager, line) => {
    clear();
    write('package.json', { name: 'app', type: 'module', packageManager: `${manager}@1.0.0`, dependencies });
    const { output } = await init();
    expect(output).toContain(line.replace("load('flamejs/express')", "from 'flamejs/express'"));
    expect(output).toContain(manager === 'npm' ? 'npm install flamejs' : `${manager} add flamejs`);
  },
);

const TSC_INIT = {
  module: 'nodenext',
  target: 'esnext',
  types: [],
  sourceMap: true,
  declaration: true,
  declarationMap: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  strict: true,
  jsx: 'react-jsx',
  verbatimModuleSyntax: true,
  isolatedModules: true,
  noUncheckedSideEffectImports: true,
  moduleDetection: 'force',
  skipLibCheck: true,
};

const clear = (): void => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
};

/** @returns what the compiler says */
const compile = async (): Promise<string> => {
  await using tsc = await startNode(join(root, 'node_modules/typescript/bin/tsc'), {
    args: ['-p', folder],
    cwd: folder,
  });
  await settles(tsc.exited, { what: 'the compiler', timeoutMs: 60_000 });
  return tsc.output();
};
