import { relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { analyze } from '../src/scope/analyze.ts';
import { HARD_CASES } from './hard-cases.ts';
import { compareScopes, type Difference, installedSources, readSource } from './scope-oracle.ts';

const root = resolve(import.meta.dirname, '../../..');
const all = process.env.FLAME_TIER === 'nightly';
const [wanted, atLeast] = all ? [Number.POSITIVE_INFINITY, 3_000] : [320, 300];

const unexplained = (differences: readonly Difference[]) => differences.filter(({ reason }) => reason === undefined);

test(`scope analysis agrees with typescript-eslint's over ${all ? 'every file' : 'a sample of the files'} of the installed packages`, () => {
  const differences: Difference[] = [];
  const total = { files: 0, unreadable: 0, functions: 0, references: 0, captures: 0 };
  for (const path of installedSources(root, wanted)) {
    const result = compareScopes(relative(root, path), readSource(path));
    if (result === undefined) {
      total.unreadable++;
      continue;
    }
    total.files++;
    total.functions += result.functions;
    total.references += result.references;
    total.captures += result.captures;
    differences.push(...result.differences);
  }
  process.stdout.write(`scopes compared: ${JSON.stringify({ ...total, differences: differences.length })}\n`);
  for (const { file, line, name, reason } of differences)
    process.stdout.write(`  ${file}:${line} ${name}: ${reason}\n`);
  expect(unexplained(differences)).toEqual([]);
  expect(total.files).toBeGreaterThanOrEqual(atLeast);
  expect(total.captures).toBeGreaterThan(total.files * 20);
  expect(total.unreadable).toBeLessThan(total.files / 100);
}, 600_000);

test.each(Object.keys(HARD_CASES))('scope analysis agrees on %s', (name) => {
  const code = HARD_CASES[name] ?? '';
  const results = ['ts', 'tsx', 'cts'].map((extension) => compareScopes(`${name}.${extension}`, code));
  const differences = results.flatMap((result) => result?.differences ?? []);
  expect(
    results.some((result) => result !== undefined),
    'it must parse',
  ).toBe(true);
  expect(unexplained(differences)).toEqual([]);
  const known: Record<string, string> = {
    JSX: 'second reference',
    'a namespace': 'blocks of one namespace',
    'enums that merge': 'enums of one name',
    with: 'annex B',
    'functions that name themselves': 'annex B',
  };
  const expected = known[name];
  if (expected === undefined) expect(differences).toEqual([]);
  else for (const { reason } of differences) expect(reason).toContain(expected);
  expect(differences.length > 0).toBe(expected !== undefined);
});

test('the comparison notices an analysis that misses one kind of binding', () => {
  const code = `export function f(a) { try { a(); } catch (error) { return () => [error, a]; } }`;
  expect(compareScopes('x.ts', code)?.differences).toEqual([]);
  const blind: typeof analyze = (program, options) => {
    const analysis = analyze(program, options);
    const references = analysis.references.map((each) =>
      each.binding?.kind === 'catch' ? { ...each, binding: undefined } : each,
    );
    return { ...analysis, references };
  };
  expect(compareScopes('x.ts', code, blind)?.differences).toMatchObject([
    { name: 'error', ours: 'outside', reason: undefined },
  ]);
});
