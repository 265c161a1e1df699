import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import * as problems from '../src/problems.ts';
import { compile, errorsOf, warningsOf } from './support.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../../docs/closures.md'), 'utf8');

interface Section {
  readonly code: string;
  readonly blocks: readonly { readonly kind: string; readonly text: string }[];
}

const sections: readonly Section[] = page
  .split(/^### /m)
  .slice(1)
  .map((section) => ({
    code: section.slice(0, 8),
    blocks: [...section.matchAll(/^```ts (refused|instead|warned)\n([\s\S]*?)^```$/gm)].map(
      ([, kind = '', text = '']) => ({ kind, text }),
    ),
  }));

/** The page's examples share the names of its first one; HEAD declares `flame`. */
const withNames = (text: string): string =>
  `const images = p; import { resize, parse, open, Base } from './resize.ts';\n${text}`;

test('every code that the compiler reports has a section, and every section a code', () => {
  const source = readFileSync(resolve(import.meta.dirname, '../src/problems.ts'), 'utf8');
  const reported = new Set([...source.matchAll(/'(FLAME\d{3})'/g)].map(([, code]) => code));
  expect(Object.keys(problems).length).toBeGreaterThan(15);
  expect(sections.map(({ code }) => code)).toEqual([...reported].sort());
});

test.each(sections.filter(({ blocks }) => blocks.length > 0))(
  'the examples of $code do what the page says',
  ({ code, blocks }) => {
    for (const { kind, text } of blocks) {
      const body = withNames(text);
      if (kind === 'refused') expect(errorsOf(body), text).toEqual([code]);
      else if (kind === 'warned') expect(warningsOf(body), text).toEqual([code]);
      else expect([...errorsOf(body), ...compile(body).warnings.map((each) => each.code)], text).toEqual([]);
    }
    const kinds = blocks.map(({ kind }) => kind);
    expect(kinds).toEqual(code.startsWith('FLAME1') ? ['refused', 'instead'] : ['warned']);
  },
);

test('the rewritten call on the page is what the compiler writes', () => {
  const [example = ''] = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '');
  const body = example.replace(/^import .*flame\.ts';$/m, '');
  const { code, functions } = compile(body, { file: 'src/thumbs.ts', module: 'src/thumbs.ts' });
  const id = functions[0]?.id ?? '';
  expect(page.includes(`__flame.ref('${id}', __flame_fn, { image, width })`), `the page should say ${id}`).toBe(true);
  expect(page.match(/src\/thumbs\.ts#[\w/]+@[\w-]{12}/g)).toEqual([id, id]);
  expect(code).toContain('function __flame_fn({ image, width }) { return async () => resize(image, width); }');
  expect(page).toContain('function __flame_fn({ image, width }) { return async () => resize(image, width); }');
});
