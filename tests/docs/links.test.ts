/** Links of README and docs lead somewhere: to a file of the repository, and to a heading that is there. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { expect, test } from 'vitest';
import { below, pages, prose, read, root } from './pages.ts';

/** As GitHub and the site make them of headings. */
const anchorsOf = (page: string): ReadonlySet<string> => {
  const seen = new Map<string, number>();
  const headings = read(page)
    .replace(/^```.*?^```$/gms, '')
    .matchAll(/^#{1,6}\s+(.+)$/gm);
  const anchors = [...headings].map(([, title = '']) => {
    const base = title
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const times = seen.get(base) ?? 0;
    seen.set(base, times + 1);
    return times === 0 ? base : `${base}-${times}`;
  });
  return new Set(anchors);
};

const linksOf = (page: string): readonly string[] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '').filter((link) => !/^[a-z]+:/.test(link));

const problemWith = (page: string, link: string): string | undefined => {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : relative(root, normalize(join(root, dirname(page), decodeURI(path))));
  if (target.startsWith('..') || !existsSync(join(root, target))) return `${page}: ${link} is not there`;
  if (anchor === undefined) return undefined;
  const isPage = target.endsWith('.md') && statSync(join(root, target)).isFile();
  return isPage && anchorsOf(target).has(anchor) ? undefined : `${page}: ${link} has no such heading`;
};

test('links of README, docs and the packages’ pages lead to files and headings that are there', () => {
  const all = [
    ...pages,
    'CHANGELOG.md',
    ...below('packages', /^[\w-]+\/README\.md$/),
    ...below('examples', /README\.md$/),
  ];
  const links = all.flatMap((page) => linksOf(page).map((link) => [page, link] as const));
  expect(links.length).toBeGreaterThan(100);
  expect(links.flatMap(([page, link]) => problemWith(page, link) ?? [])).toEqual([]);
});

test('every page of the docs can be reached from README by links', () => {
  const reached = new Set(['README.md']);
  for (const page of reached) {
    for (const link of linksOf(page)) {
      const [path = ''] = link.split('#');
      if (!path.endsWith('.md')) continue;
      const target = relative(root, normalize(join(root, dirname(page), path)));
      if (pages.includes(target)) reached.add(target);
    }
  }
  expect(pages.filter((page) => !reached.has(page))).toEqual([]);
});
