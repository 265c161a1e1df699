/**
 * What compiling costs: `npm run bench -w packages/compiler`. The fastest of many rounds in a warm process over a generated
 * file of about a thousand lines, and the start of a process with the loader beside one with tsx. Prints a table; results.md
 * keeps one run.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { compileSource } from '../src/compile.ts';
import { openProject } from '../src/project.ts';
import { analyze } from '../src/scope/analyze.ts';
import { transform } from '../src/transform.ts';

const repository = resolve(import.meta.dirname, '../../..');
const file = join(repository, 'bench.ts');

/** @param closures flame calls among the functions, each with two captures. */
function source(lines: number, closures: number, mention: boolean): string {
  const types =
    'interface Item { readonly id: number; readonly tags: readonly string[] }\ninterface Options { limit?: number }\n';
  const head = mention ? `import { flame } from './flame.ts';\nconst images = flame.pool('images');\n` : '\n\n';
  const blocks = Math.ceil((lines - 2) / 22);
  const every = Math.floor(blocks / Math.max(closures, 1));
  const remote = `await flame.call(images, async () => {
    return items.slice(0, limit).map(({ id }) => id);
  });`;
  const block = (n: number): string => `export async function handle${n}(
  items: readonly Item[],
  { limit = 10 }: Options = {},
): Promise<string[]> {
  const seen = new Map<number, string>();
  for (const { id, tags } of items) {
    if (seen.size >= limit) break;
    const label = tags
      .filter((tag) => tag !== '')
      .map((tag, at) => \`\${at}:\${tag}\`);
    seen.set(id, label.join(','));
  }
  ${closures > 0 && n % every === 0 && n / every < closures ? remote : ''}
  try {
    return [...seen.values()].sort();
  } catch (error) {
    throw new Error('handle${n}', {
      cause: error,
    });
  }
}
`;
  return head + types + Array.from({ length: blocks }, (_, n) => block(n)).join('\n');
}

/** What the work costs when nobody else has the processor. */
const fastest = (numbers: readonly number[]): number => Math.min(...numbers);

function time(rounds: number, body: () => unknown): number {
  for (let n = 0; n < rounds / 4; n++) body();
  return fastest(
    Array.from({ length: rounds }, () => {
      const started = performance.now();
      body();
      return performance.now() - started;
    }),
  );
}

const code = source(1_000, 5, true);
const without = source(1_000, 0, false);
const project = openProject(repository);
const program = parseSync(file, code, { lang: 'ts', astType: 'ts' }).program;
const input = { code, file, module: 'bench.ts' };
if (transform(input)?.functions.length !== 5) throw new Error('the generated file must have five closures');

const rows: [string, number][] = [
  ['a file that does not mention flame', time(500, () => transform({ ...input, code: without }))],
  ['parse only', time(300, () => parseSync(file, code, { lang: 'ts', astType: 'ts' }).program)],
  ['scope analysis only', time(300, () => analyze(program, { strict: true }))],
  ['transform: parse, scopes, checks, hashes, code and source map', time(300, () => transform(input))],
  [
    'loader: transform, strip types, chain source maps',
    time(300, () => compileSource({ file, code, project, format: 'esm' })),
  ],
];

const folder = mkdtempSync(join(tmpdir(), 'flame-bench-'));
try {
  mkdirSync(join(folder, 'node_modules/@flamejs'), { recursive: true });
  symlinkSync(join(repository, 'packages/compiler'), join(folder, 'node_modules/@flamejs/compiler'));
  symlinkSync(join(repository, 'node_modules/tsx'), join(folder, 'node_modules/tsx'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'empty.js'), '');
  const start = (...flags: string[]): number =>
    fastest(
      Array.from({ length: 9 }, () => {
        const started = performance.now();
        const { status } = spawnSync(process.execPath, [...flags, 'empty.js'], { cwd: folder });
        if (status !== 0) throw new Error(`node ${flags.join(' ')} ended with ${status}`);
        return performance.now() - started;
      }),
    );
  rows.push(
    ['start of a process: node', start()],
    ['start of a process: node --import @flamejs/compiler/register', start('--import', '@flamejs/compiler/register')],
    ['start of a process: node --import tsx', start('--import', 'tsx')],
    ['start of a process: both', start('--import', 'tsx', '--import', '@flamejs/compiler/register')],
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const lines = code.split('\n').length;
process.stdout.write(
  `Node ${process.versions.node}, ${lines} lines, ${Math.round(code.length / 1024)} KiB, 5 closures; fastest of many rounds\n\n`,
);
process.stdout.write('| | ms |\n|---|---|\n');
for (const [name, ms] of rows) process.stdout.write(`| ${name} | ${ms.toFixed(ms < 1 ? 3 : 1)} |\n`);
