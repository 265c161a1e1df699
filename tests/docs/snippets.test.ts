/** Every TypeScript snippet of README and docs is what the type checker accepts. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNode } from '../support/processes.ts';
import { settles } from '../support/wait-for.ts';
import { pages, read, root, type Snippet, snippetsOf } from './pages.ts';

let folder: string;
beforeAll(() => {
  // Below the repository, so that packages are found as in an application that has installed them.
  mkdirSync(join(root, 'reports'), { recursive: true });
  folder = mkdtempSync(join(root, 'reports/snippets-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS = {
  module: 'nodenext',
  target: 'esnext',
  lib: ['esnext'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  types: ['node'],
};

/** Files that a snippet may import although its page does not show them. */
const STUBS: Readonly<Record<string, string>> = {
  'flame.config.ts':
    "import { defineConfig } from 'flamejs';\nexport default defineConfig({ app: 'docs', pools: { images: {} } });\n",
  'src/flame.ts':
    "import { createFlame } from 'flamejs';\nimport config from '../flame.config.ts';\nexport const flame = createFlame(config);\n",
  'src/tracing.ts': 'export {};\n',
  'src/resize.ts': 'export const resize = async (image: Uint8Array, _width: number): Promise<Uint8Array> => image;\n',
  'src/tasks/resize.ts':
    "import { flame } from '../flame.ts';\nexport const resizeImage = flame.fn('resizeImage', async (photo: Uint8Array, _width: number) => Buffer.from(photo));\n",
};

const write = (name: string, text: string): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
};

/** A first line such as `// src/flame.ts` names the file, which other snippets of the page may import. */
const fileOf = ({ line, text }: Snippet): string => /^\/\/ ([\w./-]+\.ts)\b/.exec(text)?.[1] ?? `src/line-${line}.ts`;

test('every TypeScript snippet of README and docs passes the type checker', async () => {
  // What is refused by the compiler of closures is checked, with its code, by the compiler's own tests.
  const snippets = pages.flatMap(snippetsOf).filter(({ language, note }) => language === 'ts' && note !== 'refused');
  expect(snippets.length).toBeGreaterThan(60);
  write('tsconfig.json', JSON.stringify({ compilerOptions: OPTIONS, include: ['**/*.ts'] }));
  write('package.json', '{"type":"module"}');
  for (const name of ['ambient', 'modules']) write(`${name}.d.ts`, read(`tests/docs/${name}.d.ts.txt`));
  for (const snippet of snippets) {
    const home = snippet.page.replace(/\.md$/, '');
    // An empty line in place of the fence, and those before it: places in the checker's output are those of the page.
    write(join(home, fileOf(snippet)), `${'\n'.repeat(snippet.line)}${snippet.text}\nexport {};\n`);
    for (const [name, text] of Object.entries(STUBS)) {
      if (!existsSync(join(folder, home, name))) write(join(home, name), text);
    }
  }
  await using tsc = await startNode(join(root, 'node_modules/typescript/bin/tsc'), {
    args: ['-p', folder, '--pretty', 'false'],
    cwd: folder,
  });
  const { code } = await settles(tsc.exited, { what: 'the type checker', timeoutMs: 120_000 });
  expect([code, tsc.output().replaceAll(relative(root, folder), '')]).toEqual([0, '']);
});
