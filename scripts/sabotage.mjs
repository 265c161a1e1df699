// npm run sabotage [words]: removes each behaviour in turn, on a copy, and demands that its tests turn red.
// Words choose switches by name, file or row; those that name lists (`executor records`) choose what stands in them.
// What a switch is: tests/sabotage/switch.ts.
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { copyWorkspace } from './lib/copy.mjs';
import { endMarked } from './lib/marked.mjs';
import { prepare } from './lib/prepare.mjs';
import { execute, main, root, StepError, say, seconds } from './lib/run.mjs';

const longestRunMs = 240_000;

await main(async () => {
  await prepare();
  const switches = await loadSwitches(process.argv.slice(2));
  if (switches.length === 0) throw new StepError('No sabotage switch matches.');
  const copy = copyWorkspace('sabotage');
  const rows = [];
  const note = (name, ok, verdict, started) => {
    rows.push({ ok, line: `${ok ? 'red   ' : 'FAILED'}  ${name}: ${verdict} (${seconds(started)})` });
    say(rows.at(-1).line);
  };
  try {
    for (const [files, group] of byFiles(switches)) {
      const healthy = await runHealthy(copy, files, group).catch((error) => error);
      for (const one of group) {
        const started = performance.now();
        try {
          if (healthy instanceof Error) throw healthy;
          const { ok, verdict } = await judge(copy, one, healthy);
          note(one.name, ok, verdict, started);
        } catch (error) {
          note(one.name, false, error.message, started);
        }
      }
    }
  } finally {
    copy.remove();
  }
  const bad = rows.filter(({ ok }) => !ok);
  say(`\n${rows.length - bad.length} of ${rows.length} behaviours are missed by their tests when they are gone.`);
  for (const { line } of bad) say(line);
  return bad.length === 0 ? 0 : 1;
});

function byFiles(switches) {
  const groups = new Map();
  for (const one of switches) {
    const files = (one.in ?? []).join(' ');
    groups.set(files, [...(groups.get(files) ?? []), one]);
  }
  return groups;
}

/** The tests of all switches that share their files, before any of them is thrown. */
async function runHealthy(copy, files, group) {
  await copy.build();
  return runTests(
    copy,
    { tests: group.flatMap(({ tests }) => tests), in: files.split(' ').filter(Boolean) },
    group.length,
  );
}

/** Green without the sabotage, red with it; only then the tests see the behaviour and nothing else. */
async function judge(copy, one, before) {
  const sick = one.tests.filter((title) => matching(before, title).some(({ status }) => status !== 'passed'));
  const absent = one.tests.filter((title) => matching(before, title).length === 0);
  if (absent.length > 0) return { ok: false, verdict: `no test is named ${absent.join(', ')}` };
  if (sick.length > 0) return { ok: false, verdict: `${sick.join(', ')} did not pass before the sabotage` };

  const restore = copy.replace(one);
  try {
    const complaints = await copy.build();
    const after = await runTests(copy, one);
    const unrun = one.tests.filter((title) => matching(after, title).length === 0);
    if (unrun.length > 0) return { ok: false, verdict: `the tests could not be loaded\n${complaints}` };
    const green = one.tests.filter((title) => !matching(after, title).some(({ status }) => status === 'failed'));
    if (green.length > 0) return { ok: false, verdict: `${green.join(', ')} stayed green` };
    const red = after.filter(({ status }) => status === 'failed').length;
    return { ok: true, verdict: `${red} of ${after.length} tests (${one.tests.join(', ')})` };
  } finally {
    restore();
  }
}

async function runTests(copy, { tests, in: files = [] }, share = 1) {
  const report = join(copy.folder, 'reports/sabotage.json');
  rmSync(report, { force: true });
  const pattern = tests.map((title) => title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const mark = { FLAME_SABOTAGE: randomUUID() };
  const { output, signal } = await execute(
    join(root, 'node_modules/.bin/vitest'),
    ['run', '--root', copy.folder, ...files, '-t', pattern, '--reporter=json', `--outputFile=${report}`],
    { quiet: true, cwd: copy.folder, env: mark, timeoutMs: longestRunMs * share },
  );
  // Without the behaviour that ends processes, processes stay behind; and a test worker that spins outlives vitest.
  endMarked(mark);
  if (signal === 'SIGKILL') throw new Error(`its tests did not end within ${(longestRunMs * share) / 1000} s`);
  if (!existsSync(report)) throw new Error(`vitest gave no report\n${output.slice(-2_000)}`);
  return JSON.parse(readFileSync(report, 'utf8'))
    .testResults.flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'passed' || status === 'failed');
}

function matching(results, title) {
  return results.filter(({ fullName }) => fullName.includes(title));
}

async function loadSwitches(words) {
  const { tsImport } = await import('tsx/esm/api');
  const folder = join(root, 'tests/sabotage');
  const files = readdirSync(folder).filter((name) => name.endsWith('.switches.ts'));
  const lists = await Promise.all(files.map((name) => tsImport(join(folder, name), import.meta.url)));
  const all = lists.flatMap((list, index) => list.default.map((one) => ({ ...one, list: files[index] })));
  const names = all.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new StepError(`Two sabotage switches are named "${twice}".`);
  const wanted = words.map((word) => `${word}.switches.ts`).filter((name) => files.includes(name));
  const others = words.filter((word) => !wanted.includes(`${word}.switches.ts`));
  return all
    .filter(({ list }) => wanted.length === 0 || wanted.includes(list))
    .filter(({ name, file, tests }) => others.every((word) => `${name} ${file} ${tests.join(' ')}`.includes(word)));
}
