// npm test: everything that a push must pass. Works straight after a clone; arguments go to vitest (`npm test -- -t F08`).
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { execute, main, root, say, seconds } from './lib/run.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);
const totalsFile = join(root, 'reports/totals.json');

await main(async () => {
  const started = performance.now();
  await prepare({ browser: true, clocks: true, engine: true });

  const failures = [];
  const check = async (label, command, args, options) => {
    const result = await execute(command, args, { quiet: true, ...options });
    say(`${label}: ${result.code === 0 ? 'ok' : 'FAILED'}`);
    if (result.code === 0) return;
    if (result.output) say(result.output);
    failures.push(label);
  };
  await check('Format and lint', bin('biome'), ['check', '.']);
  for (const project of ['tests', 'bench', ...examples()])
    await check(`Types of ${project}`, bin('tsc'), ['-p', project]);
  await check('Generated docs', process.execPath, ['scripts/docs.mjs', '--check']);
  await check('Packages', process.execPath, ['scripts/lint-packages.mjs']);

  mkdirSync(join(root, 'reports'), { recursive: true });
  rmSync(totalsFile, { force: true });
  const vitest = await execute(bin('vitest'), ['run', ...process.argv.slice(2)]);
  if (vitest.code !== 0) failures.push('Tests');

  sayShares();
  say(`\nTook ${seconds(started)}.${failures.length > 0 ? ` Failed: ${failures.join(', ')}.` : ''}`);
  sayTotals();
  return failures.length > 0 ? 1 : 0;
});

function examples() {
  return readdirSync(join(root, 'examples')).map((name) => join('examples', name));
}

function percent(share) {
  return `${(share * 100).toFixed(1)}%`;
}

// Where the time went. A few files run at once, so these seconds add up to more than the run took.
function sayShares() {
  if (!existsSync(totalsFile)) return;
  const { areas, slowest } = JSON.parse(readFileSync(totalsFile, 'utf8'));
  const table = (title, rows) => {
    say(`\n${title.padEnd(52)} tests  seconds  share`);
    for (const { name, tests, ms, share } of rows) {
      const numbers = [String(tests).padStart(5), (ms / 1000).toFixed(1).padStart(8), percent(share).padStart(6)];
      say(`${name.padEnd(52)} ${numbers.join(' ')}`);
    }
  };
  table('Area', areas);
  table('Slowest files', slowest);
}

// The last line, for whoever reads only that one. Written by tests/support/totals-reporter.ts.
function sayTotals() {
  if (!existsSync(totalsFile)) return say('No test ran.');
  const { passed, failed, skipped } = JSON.parse(readFileSync(totalsFile, 'utf8'));
  if (skipped > 0) say(`${skipped} skipped`);
  say(`${passed} passed, ${failed} failed`);
}
