import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { FlameConfigError } from '@flamejs/protocol/errors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config/load-config.ts';
import { typescriptLoader } from '../src/config/typescript-loader.ts';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const TSX = fileURLToPath(new URL('../../../node_modules/tsx', import.meta.url));
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'flame-load-')));
/** Whether this Node reads TypeScript by itself; both kinds of Node are tested by what they should do. */
const strips = Boolean((process.features as { readonly typescript?: unknown }).typescript);

let apps = 0;
/** An application as users have it: files, and this package as a dependency. */
const appWith = (
  files: Readonly<Record<string, string>>,
  dependencies: Readonly<Record<string, string>> = {},
): string => {
  apps += 1;
  const root = join(folder, `app${apps}`);
  for (const [name, target] of Object.entries({ '@flamejs/queue': PACKAGE, ...dependencies })) {
    const link = join(root, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
  }
  writeFileSync(join(root, 'package.json'), '{"name":"app","version":"1.0.0","type":"module"}');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
};

const CONFIG = `import { defineConfig } from '@flamejs/queue';
export default defineConfig({ app: 'shop', functions: ['./tasks/*.js'], pools: { images: { max: 3 } } });
`;
const TYPED = CONFIG.replace('export default', 'const config: object =').concat('export default config as never;\n');

/** Loads in a process of its own, as Node does it without a test runner's help. */
const loadElsewhere = async (cwd: string): Promise<{ app?: string; message?: string }> => {
  const script = `import { loadConfig } from '@flamejs/queue/load-config';
    const print = (value) => process.stdout.write(JSON.stringify(value));
    await loadConfig().then(({ app }) => print({ app }), ({ message }) => print({ message }));`;
  const env = { PATH: process.env.PATH ?? '' };
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd, env, timeout: 50_000 });
  return JSON.parse(stdout) as { app?: string; message?: string };
};

beforeAll(() => {
  if (!existsSync(join(PACKAGE, 'dist/internal.js'))) throw new Error('build first: npx tsc -b packages/queue');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the nearest flame.config above is found, and its folder is the root', async () => {
  const root = appWith({ 'flame.config.mjs': CONFIG, 'packages/web/src/x.js': '' });
  const file = join(root, 'flame.config.mjs');
  const config = await loadConfig({ cwd: join(root, 'packages/web/src'), env: {} });
  expect(config).toMatchObject({ app: 'shop', root, configFile: file, functions: ['./tasks/*.js'] });
  expect(config.pools.images?.max).toBe(3);
});

test('a named file wins over FLAME_CONFIG, and that over the search', async () => {
  const plain = (app: string): string => `export default { app: '${app}', pools: { images: {} } };`;
  const cwd = appWith({ 'flame.config.mjs': plain('found'), 'a.mjs': plain('named'), 'conf/b.mjs': plain('env') });
  expect((await loadConfig({ cwd, env: {} })).app).toBe('found');
  const env = { FLAME_CONFIG: 'conf/b.mjs' };
  expect(await loadConfig({ cwd, env })).toMatchObject({ app: 'env', root: join(cwd, 'conf') });
  expect((await loadConfig({ cwd, env, file: join(cwd, 'a.mjs') })).app).toBe('named');
});

test('the environment is read when the config is loaded, also where the file has parsed it before', async () => {
  const cwd = appWith({ 'flame.config.mjs': CONFIG });
  expect((await loadConfig({ cwd, env: {} })).redis).toMatchObject({ url: 'redis://127.0.0.1:6379' });
  const env = { FLAME_REDIS_URL: 'redis://localhost:7', FLAME_RELEASE: 'r9' };
  expect(await loadConfig({ cwd, env })).toMatchObject({ release: 'r9', redis: { url: 'redis://localhost:7' } });
});

test('a config that was compiled to CommonJS is understood', async () => {
  const text = `Object.defineProperty(exports, '__esModule', { value: true });
    exports.default = { app: 'shop', pools: { images: {} } };`;
  const cwd = appWith({ 'flame.config.cjs': text });
  expect((await loadConfig({ cwd, file: 'flame.config.cjs', env: {} })).app).toBe('shop');
});

test('what stands in the way of a config is said, with the file', async () => {
  const cwd = appWith({
    'none.mjs': 'export const x = 1;',
    'throws.mjs': "throw new TypeError('no database')",
    'bad.mjs': 'export default { app: "shop", pools: { images: { min: 5, max: 1 } } };',
  });
  const load = (file: string): Promise<unknown> => loadConfig({ cwd, file, env: {} });
  await expect(loadConfig({ cwd: folder, env: {} })).rejects.toThrow(/no flame\.config\.ts .*npx flamejs init/);
  await expect(load('gone.mjs')).rejects.toThrow(/gone\.mjs: there is no such file/);
  await expect(load('none.mjs')).rejects.toThrow(/none\.mjs: expected `export default defineConfig/);
  await expect(load('throws.mjs')).rejects.toThrow(/throws\.mjs: could not be loaded: TypeError: no database/);
  await expect(load('bad.mjs')).rejects.toThrow(/bad\.mjs: pools\.images\.min: must not be more than max/);
  for (const file of ['gone.mjs', 'none.mjs', 'throws.mjs', 'bad.mjs']) {
    await expect(load(file)).rejects.toBeInstanceOf(FlameConfigError);
  }
});

test('a TypeScript config loads by Node itself, or through the tsx that the application has', async () => {
  const cwd = appWith({ 'flame.config.ts': TYPED }, { tsx: TSX });
  expect(await loadElsewhere(cwd)).toEqual({ app: 'shop' });
});

describe('A-02: a TypeScript config loads in every kind of package', () => {
  const typed = `import { defineConfig } from '@flamejs/queue';
    import { Limit } from './src/limit';
    export default defineConfig({ app: 'shop', pools: { images: { max: Limit.Runners } } });`;
  test.each([
    ['without a type', {}],
    ['of ES modules', { type: 'module' }],
    ['of CommonJS', { type: 'commonjs' }],
  ])('A-02: %s, with imports without extension and an enum', async (_kind, kind) => {
    const files = {
      'package.json': JSON.stringify({ name: 'app', ...kind }),
      'flame.config.ts': typed,
      'src/limit.ts': 'export enum Limit { Runners = 3 }',
    };
    expect(await loadElsewhere(appWith(files, { tsx: TSX }))).toEqual({ app: 'shop' });
  });

  test('A-02: imports that name compiled files, as nodenext wants them', async () => {
    const files = {
      'package.json': '{}',
      'flame.config.mts': typed.replace('./src/limit', './src/limit.js'),
      'src/limit.ts': 'export enum Limit { Runners = 3 }',
    };
    expect(await loadElsewhere(appWith(files, { tsx: TSX }))).toEqual({ app: 'shop' });
  });

  test('A-02: an error in it is told as it is, not as one of the loader', async () => {
    const files = { 'package.json': '{}', 'flame.config.ts': "throw new TypeError('no DATABASE_URL'); export {};" };
    expect(await loadElsewhere(appWith(files, { tsx: TSX }))).toEqual({
      message: expect.stringMatching(/flame\.config\.ts: could not be loaded: TypeError: no DATABASE_URL$/),
    });
  });
});

test('TypeScript is loaded by the tsx of the application, JavaScript needs nothing', () => {
  const found = (_from: string, request: string) => `/app/node_modules/${request}.mjs`;
  expect(typescriptLoader(['/app/a.js', 'file:///app/b.mjs'], '/app', found)).toBeUndefined();
  expect(typescriptLoader(['/app/a.js', '/app/b.ts'], '/app', found)).toEqual({
    forProcess: 'file:///app/node_modules/tsx.mjs',
    apis: ['file:///app/node_modules/tsx/cjs/api.mjs', 'file:///app/node_modules/tsx/esm/api.mjs'],
  });
});

test('TypeScript that nothing can load is refused with what to install', () => {
  const refuse = () => typescriptLoader(['/app/task.tsx'], '/app', () => undefined);
  expect(refuse).toThrow(FlameConfigError);
  expect(refuse).toThrow(/\/app\/task\.tsx: is TypeScript.*npm install tsx/);
});

test('syntax that Node cannot strip loads through tsx', async () => {
  const text = TYPED.concat("enum Kind { A = 'a' }\nvoid Kind.A;\n");
  expect(await loadElsewhere(appWith({ 'flame.config.ts': text }, { tsx: TSX }))).toEqual({ app: 'shop' });
});

test('without tsx, a Node that cannot read TypeScript says what to install', async () => {
  const cwd = appWith({ 'flame.config.ts': TYPED });
  const expected = strips
    ? { app: 'shop' }
    : { message: expect.stringMatching(/flame\.config\.ts: is TypeScript.*`npm install tsx`/) };
  expect(await loadElsewhere(cwd)).toEqual(expected);
});

test('beside its compiled form, a TypeScript config is read only where Node can', async () => {
  const compiled = CONFIG.replace('shop', 'compiled');
  const cwd = appWith({ 'flame.config.ts': TYPED, 'flame.config.js': compiled });
  expect(await loadElsewhere(cwd)).toEqual({ app: strips ? 'shop' : 'compiled' });
});
