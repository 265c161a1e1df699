/** The page of rows and the titles of tests say the same. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url);
const ID = /\b(?:(?:A|AS|AW|C|CO|DC|ER|EX|K|L|ME|PS|R|RI|RO|S|SD|T|TK)-\d{2}b?|[FP]\d{2}|I\d{1,2})\b/g;
/** Shaped like a row's id, and something else. */
const FAMILIES_OF_OTHERS = /^(?:UTF|SHA|ISO|AES|CVE)-/;

const page = readFileSync(new URL('tests/README.md', root), 'utf8');
const rows = [...page.matchAll(/^\| ([A-Z]+-?\d+b?) \|/gm)].map(([, id = '']) => id);
/** Of these some are answered by a page or by what a command prints: a test of them is welcome, not owed. */
const isOwed = (id: string): boolean => !id.startsWith('A-') || /^A-0[1-6]$|^A-2[56]$/.test(id);

/** What stands where a test has its title: a text after an opening bracket or at the begin of a line. */
const titles = [...readdirSync(new URL('packages', root)).map((name) => `packages/${name}/test`), 'tests']
  .flatMap(testsIn)
  .flatMap((file) => [
    ...readFileSync(new URL(file, root), 'utf8').matchAll(/(?:^\s*|\()(['"`])((?:(?!\1)[^\\\n]|\\.)+)/gm),
  ])
  .map(([, , title = '']) => title);

test('every id in the title of a test is a row of the page', () => {
  const cited = new Set(titles.flatMap((title) => title.match(ID) ?? []));
  expect(cited.size).toBeGreaterThan(200);
  expect([...cited].filter((id) => !rows.includes(id)).sort()).toEqual([]);
  const strange = titles.flatMap((title) => title.match(/\b[A-Z]{1,3}-\d{2,3}\b/g) ?? []);
  const unknown = strange.filter((id) => !rows.includes(id) && !FAMILIES_OF_OTHERS.test(id));
  expect(unknown, 'a family of rows that the page does not explain').toEqual([]);
});

test('every row of the page has a test, and none stands there twice', () => {
  const cited = new Set(titles.flatMap((title) => title.match(ID) ?? []));
  expect(rows.filter((id) => isOwed(id) && !cited.has(id))).toEqual([]);
  expect(new Set(rows).size).toBe(rows.length);
});

test('each row says what it asks in a sentence', () => {
  const short = page.split('\n').filter((line) => /^\| [A-Z]+-?\d+b? \|/.test(line) && line.length < 40);
  expect(short).toEqual([]);
});

function testsIn(folder: string): readonly string[] {
  const found = existsSync(new URL(folder, root)) ? readdirSync(new URL(folder, root), { recursive: true }) : [];
  return found.map((name) => `${folder}/${name}`).filter((file) => file.endsWith('.test.ts'));
}
