/** The page that explains how to write a backend: its code is taken out of it, type-checked, and passes the contract suite. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(ROOT, 'docs/backends/write-your-own.md');
// Inside the repository, so that the packages are found as an application finds them.
const folder = join(ROOT, '.cache', `backend-guide-${process.pid}`);
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const blocks = new Map(
  [...readFileSync(PAGE, 'utf8').matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = '', code = '']) => [
    name,
    code,
  ]),
);
for (const [name, code] of blocks) writeFileSync(join(folder, name), code);

test('the page has a backend of less than 100 lines, its test and the config that names it', () => {
  expect([...blocks.keys()]).toEqual(['processes.ts', 'processes.test.ts', 'flame.config.ts']);
  const lines = (blocks.get('processes.ts') ?? '').trim().split('\n').length;
  expect(lines).toBeLessThan(100);
});

test('its code fits the types', () => {
  const config = {
    extends: '../../tsconfig.base.json',
    compilerOptions: { noEmit: true, composite: false, declaration: false, declarationMap: false, sourceMap: false },
    include: ['*.ts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  // Throws with the complaints.
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8', stdio: 'pipe' });
});

describe('the contract', async () => {
  await import(pathToFileURL(join(folder, 'processes.test.ts')).href);
});
