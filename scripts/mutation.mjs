// npm run mutation [areas]: changes the sources one detail at a time and demands that a quick test turns red. The score
// of each area goes to docs/reliability.md, what nobody noticed to reports/mutation/AREA.txt. `--only FILE` does a file of an
// area, `--share 0.1` every tenth change of the Lua scripts, and neither writes a score; `--resume` judges only what is new.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare } from './lib/prepare.mjs';
import { main, root, StepError, say, seconds } from './lib/run.mjs';
import { areas } from './mutation/areas.mjs';
import { mutateLua } from './mutation/lua.mjs';
import { scoreOf } from './mutation/score.mjs';
import { writeScores } from './mutation/table.mjs';

const goal = { killed: 0.8, explained: 0.05 };

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { resume: { type: 'boolean', default: false }, only: { type: 'string' }, share: { type: 'string' } },
});

await main(async () => {
  const chosen = areas.filter(({ name }) => words.length === 0 || words.includes(name));
  if (chosen.length === 0) {
    throw new StepError(`There is no such area; there are ${areas.map(({ name }) => name).join(', ')}.`);
  }
  await prepare();
  // Loaded late: on a fresh clone it is only installed by now.
  const { mutate } = await import('./mutation/stryker.mjs');
  const judge = (area) =>
    area.lua === undefined
      ? mutate(area, flags)
      : mutateLua(area, { only: flags.only, share: Number(flags.share ?? 1) });
  const scores = [];
  for (const area of chosen) {
    const started = performance.now();
    const score = scoreOf(area.name, await judge(area));
    scores.push(score);
    const report = writeReport(score);
    say(
      `${area.name}: ${score.killed} of ${score.total} killed, ${score.survivors.length} nobody noticed (${seconds(started)}), ${report}`,
    );
  }
  if (flags.only === undefined && flags.share === undefined) writeScores(scores);
  const low = scores.filter(
    ({ total, killed, explained }) => killed < goal.killed * total || explained > goal.explained * total,
  );
  for (const { name } of low)
    say(`${name} misses the goal of ${goal.killed * 100} % killed, at most ${goal.explained * 100} % explained`);
  return low.length === 0 ? 0 : 1;
});

function writeReport({ name, survivors }) {
  const path = join('reports/mutation', `${name}.txt`);
  mkdirSync(join(root, 'reports/mutation'), { recursive: true });
  const lines = survivors.map(
    ({ file, line, find, replace }) => `${file}:${line}  ${oneLine(find)}  ->  ${oneLine(replace)}\n`,
  );
  writeFileSync(join(root, path), lines.join(''));
  return path;
}

function oneLine(text) {
  const joined = text.replace(/\s+/g, ' ');
  return joined.length > 110 ? `${joined.slice(0, 60)} … ${joined.slice(-40)}` : joined;
}
