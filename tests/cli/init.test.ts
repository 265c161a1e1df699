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

const init = (...args: string[]) => flame(['init', ...args], { cwd: folder, env: {} });
const files = (): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .sort();

/** As an application does, without Redis. */
const callHello = async (extension: string): Promise<string> => {
  const main = join(folder, `main.${extension}`);
  writeFileSync(
    main,
    `import { flame } from './src/flame.${extension}';
     import { hello } from './src/tasks/hello.${extension}';
     console.log(await flame.call(hello, 'world'));
     await flame.close();`,
  );
  await using run = await startNode(main, {
    cwd: folder,
    env: { FLAME_MODE: 'inline' },
    nodeArgs: extension === 'ts' ? ['--import', TSX] : [],
  });
  const { code } = await settles(run.exited, { what: 'the application', timeoutMs: 60_000 });
  rmSync(main);
  expect([code, run.output()]).toEqual([0, expect.stringContaining('Hello world, from')]);
  return run.output();
};

test('an application of JavaScript gets three files that work, named after its package', async () => {
  writeFileSync(join(folder, 'package.json'), '{"name": "@acme/Photo_Shop"}');
  const { code, output } = await init();
  expect([code, output]).toEqual([0, expect.stringContaining('npx flamejs dev')]);
  expect(files()).toEqual(['flame.config.mjs', 'src/flame.mjs', 'src/tasks/hello.mjs']);
  expect(readFileSync(join(folder, 'flame.config.mjs'), 'utf8')).toContain("app: 'photo-shop'");
  await callHello('mjs');
});

test('a second time nothing is written or replaced', async () => {
  const before = files().map((name) => readFileSync(join(folder, name), 'utf8'));
  rmSync(join(folder, 'src/flame.mjs'));
  const { code, output } = await init();
  expect([code, output]).toEqual([
    1,
    expect.stringContaining('flame.config.mjs, src/tasks/hello.mjs are there already'),
  ]);
  expect(files()).toEqual(['flame.config.mjs', 'src/tasks/hello.mjs']);
  expect(readFileSync(join(folder, 'flame.config.mjs'), 'utf8')).toBe(before[0]);
});

test('where there is a tsconfig.json they are TypeScript, and type as they stand', async () => {
  for (const name of ['flame.config.mjs', 'src']) rmSync(join(folder, name), { recursive: true });
  const options = { module: 'nodenext', strict: true, noEmit: true, allowImportingTsExtensions: true, types: ['node'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['.'] }));
  writeFileSync(join(folder, 'package.json'), '{"name": "typed", "type": "module"}');
  expect((await init('--app', 'typed-shop')).code).toBe(0);
  expect(files()).toEqual(['flame.config.ts', 'src/flame.ts', 'src/tasks/hello.ts']);
  await using tsc = await startNode(join(root, 'node_modules/typescript/bin/tsc'), {
    args: ['-p', folder],
    cwd: folder,
  });
  const { code } = await settles(tsc.exited, { what: 'the compiler', timeoutMs: 60_000 });
  expect([code, tsc.output()]).toEqual([0, '']);
  await callHello('ts');
});
