/** The list of cases is whole, and says the truth about the tests. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CASES, COVERED, NOT_DONE } from './pain-corpus.ts';

const root = new URL('../', import.meta.url);

/** What stands as the title of a test in a file: the text between the quotes after `test(`, `test.each(…)(` and the like. */
const titlesOf = (file: string): readonly string[] =>
  [
    ...readFileSync(new URL(file, root), 'utf8').matchAll(
      /^\s*(?:test|nightly)?[^\n]*?(['"`])((?:(?!\1).)+)\1, (?:\{|async|\(|patience)|^\s+(['"`])((?:(?!\3).)+)\3,$/gm,
    ),
  ].map((match) => match[2] ?? match[4] ?? '');

test('every case of the pain corpus has a test or a reason, and not both', () => {
  const either = CASES.filter((id) => (COVERED[id] === undefined) === (NOT_DONE[id] === undefined));
  expect(either).toEqual([]);
  expect(Object.keys({ ...COVERED, ...NOT_DONE }).sort()).toEqual([...CASES].sort());
});

test.each(Object.entries(COVERED))('%s is the title of a test in %s', (id, file) => {
  expect(titlesOf(file).filter((title) => title.split(/[^A-Z0-9-]+/).includes(id))).not.toEqual([]);
});

test('no reason is empty', () => {
  for (const reason of Object.values(NOT_DONE)) expect(reason.length).toBeGreaterThan(20);
});
