/** The worked example of docs/limits.md, as it stands there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root, snippetsOf } from './pages.ts';

let folder: string;
beforeAll(() => {
  mkdirSync(join(root, 'reports'), { recursive: true });
  folder = mkdtempSync(join(root, 'reports/limits-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('L-12: the worked example of the page on limits does what the page says', async () => {
  const [example] = snippetsOf('docs/limits.md');
  expect(example?.text).toMatch(/^\/\/ src\/report\.ts\n/);
  const file = join(folder, 'report.ts');
  writeFileSync(file, example?.text ?? '');
  const { answers, most, flame } = await import(pathToFileURL(file).href);
  expect(answers).toEqual([
    'ada: about cats',
    'ada: about dogs',
    'ben: about fish',
    'cleo: about birds',
    'dora: about bees',
  ]);
  expect(most).toBe(3);
  await flame.close();
});
