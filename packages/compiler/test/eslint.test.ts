import { ESLint, type Linter } from 'eslint';
import { parseSync, visitorKeys } from 'oxc-parser';
import { expect, test } from 'vitest';
import flame from '../src/eslint.ts';
import { errorsOf, HEAD, warningsOf } from './support.ts';

/** A parser for TypeScript, because typescript-eslint's does not know the compiler that this repository uses. */
const typescript: Linter.Parser = {
  meta: { name: 'typescript-for-tests', version: '1' },
  parseForESLint(text: string) {
    const { program } = parseSync('a.tsx', text, { astType: 'ts', range: true, preserveParens: false });
    const located = JSON.parse(JSON.stringify(program), (_, value) => {
      if (value?.range) value.loc = { start: at(text, value.range[0]), end: at(text, value.range[1]) };
      return value;
    });
    return { ast: { ...located, tokens: [], comments: [] }, visitorKeys };
  },
};

const at = (text: string, index: number) => {
  const lines = text.slice(0, index).split('\n');
  return { line: lines.length, column: lines.at(-1)?.length ?? 0 };
};

const lint = async (code: string, filePath = 'src/a.tsx', options?: object) => {
  const rules: Linter.RulesRecord = options === undefined ? {} : { 'flame/capture': ['error', options] };
  const eslint = new ESLint({
    overrideConfigFile: true,
    overrideConfig: [
      flame.configs.recommended as Linter.Config,
      { files: ['**/*.tsx'], languageOptions: { parser: typescript } },
      { files: ['**/*.js'], languageOptions: { parserOptions: { ecmaFeatures: { jsx: true } } } },
      { files: ['**'], rules },
    ],
  });
  const [result] = await eslint.lintText(code, { filePath });
  return (result?.messages ?? []).map(({ ruleId, severity, line, column, message }) => ({
    rule: ruleId,
    severity,
    line,
    column,
    message,
  }));
};

const BAD = `export async function count(files: string[], seen: string[]) {
  let total = 0;
  for (const f of files) await flame.call(p, async () => {
    total += f.length;
    seen.push(f);
  });
}`;

test('the editor shows the same errors and warnings as the loader, where they are', async () => {
  const found = await lint(HEAD + BAD);
  expect(found).toEqual([
    {
      rule: 'flame/capture',
      severity: 2,
      line: 6,
      column: 5,
      message: expect.stringContaining('FLAME101: assignment to captured variable `total` would be lost'),
    },
    {
      rule: 'flame/remote-state',
      severity: 1,
      line: 7,
      column: 5,
      message: expect.stringMatching(/^FLAME203: .* Help: /),
    },
  ]);
  expect(found.map(({ message }) => message.slice(0, 8)).slice(0, 1)).toEqual(errorsOf(BAD));
  expect(warningsOf(BAD.replace('total += f.length;', ''))).toEqual(['FLAME203']);
});

test('plain JavaScript is checked with the default parser', async () => {
  const code = `import { flame } from './flame.js';\nexport const f = (n) => flame.call(() => { n = 1; });\n`;
  expect(await lint(code, 'src/a.js')).toMatchObject([{ rule: 'flame/capture', line: 2, column: 44 }]);
});

test('options are those of the compiler', async () => {
  const code = `import spark from '@acme/platform';\nexport const f = (n) => spark.call(() => { n = 1; });\n`;
  expect(await lint(code, 'src/a.js')).toEqual([]);
  expect(await lint(code, 'src/a.js', { sources: ['@acme/platform'] })).toMatchObject([
    { rule: 'flame/capture', line: 2 },
  ]);
});

test('clean files and files without flame have no findings', async () => {
  expect(await lint(`${HEAD}export const f = (n: number) => flame.call(p, () => n + 1);\n`)).toEqual([]);
  expect(await lint(`export const f = (n) => { n = 1; };\n`, 'src/a.js')).toEqual([]);
});

test('K-13 K-18: the editor says what the loader says of a flame.fn that captures, and of state that changes at run time', async () => {
  const captured = `export const mk = (k) => flame.fn({ pool: 'x' }, async (n) => n + k);`;
  expect(await lint(HEAD + captured)).toEqual([
    expect.objectContaining({ rule: 'flame/capture', line: 3, message: expect.stringContaining('FLAME115') }),
  ]);
  const filled = `const seen = new Map(); export const see = (k) => { seen.set(k, 1); }; export const go = () => flame.call(p, () => seen.size);`;
  expect(await lint(HEAD + filled)).toEqual([
    expect.objectContaining({ rule: 'flame/remote-state', line: 3, message: expect.stringContaining('FLAME202') }),
  ]);
  for (const body of [captured, filled])
    expect(errorsOf(body).length + (body === filled ? warningsOf(body).length : 0)).toBe(1);
});

test('K-15: the editor reads an expression of 2,500 terms', async () => {
  const sum = Array(2_500).fill('k').join(' + ');
  expect(await lint(`${HEAD}export const go = (k) => flame.call(p, () => { k = ${sum}; });`)).toEqual([
    expect.objectContaining({ rule: 'flame/capture', message: expect.stringContaining('FLAME101') }),
  ]);
});
