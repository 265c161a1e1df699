// The table of scores in docs/reliability.md: a row for each area, of its last whole run.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/run.mjs';
import { areas } from './areas.mjs';

const page = join(root, 'docs/reliability.md');
const heading = '| area | changes | killed | explained | not noticed | date |\n|---|---|---|---|---|---|\n';

/** Writes the rows of these scores and keeps those of other areas. */
export function writeScores(scores) {
  const text = readFileSync(page, 'utf8');
  const start = text.indexOf(heading);
  if (start === -1) throw new Error('docs/reliability.md has lost the heading of the table of scores');
  const first = start + heading.length;
  const end = text.indexOf('\n\n', first - 1);
  const rows = new Map(
    text
      .slice(first, end + 1)
      .split('\n')
      .filter(Boolean)
      .map((row) => [row.split(' | ')[0].slice(2), row]),
  );
  const date = new Date().toISOString().slice(0, 10);
  for (const score of scores) rows.set(score.name, rowOf(score, date));
  const lines = areas.flatMap(({ name }) => rows.get(name) ?? []);
  writeFileSync(page, `${text.slice(0, first)}${lines.join('\n')}${text.slice(end)}`);
}

function rowOf({ name, total, killed, explained, survivors }, date) {
  const share = (count) => `${count} (${((100 * count) / total).toFixed(1)} %)`;
  return `| ${name} | ${total} | ${share(killed)} | ${share(explained)} | ${survivors.length} | ${date} |`;
}
