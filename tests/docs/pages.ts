/** The pages that users read, and what stands in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export const read = (name: string): string => readFileSync(join(root, name), 'utf8');

/** @returns paths below `folder` of the repository that match, relative to the repository */
export const below = (folder: string, pattern: RegExp): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name))
    .sort();

/** README and docs: what an application's author reads. */
export const pages: readonly string[] = ['README.md', ...below('docs', /\.md$/)];

export interface Snippet {
  readonly page: string;
  /** Of the opening fence, counted from 1. */
  readonly line: number;
  readonly language: string;
  /** What follows the language: `refused`, `instead`. */
  readonly note: string;
  readonly text: string;
}

const FENCE = /^```(\w+)[ \t]*([^\n]*)\n(.*?)^```$/gms;

/** @returns the fenced blocks of a page */
export const snippetsOf = (page: string): readonly Snippet[] => {
  const text = read(page);
  return [...text.matchAll(FENCE)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    language: match[1] ?? '',
    note: (match[2] ?? '').trim(),
    text: match[3] ?? '',
  }));
};

/** @returns the text without its fenced blocks and code spans, in which a bracket is no link */
export const prose = (page: string): string =>
  read(page)
    .replace(FENCE, '')
    .replace(/`[^`\n]*`/g, '');
