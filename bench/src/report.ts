/** The figures as a table for people, and as JSON and Markdown files for later. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { CaseResult } from './case.ts';

const figure = (value: number, unit: string): string => `${value >= 100 ? value.toFixed(0) : value.toFixed(2)} ${unit}`;

const bound = (result: CaseResult): string => (result.unit === 'calls/s' ? `≥ ${result.budget}` : `≤ ${result.budget}`);

export const markdown = (results: readonly CaseResult[]): string =>
  [
    `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'})`,
    '',
    '| case | Flame | peer | peer is | ratio | budget | |',
    '|---|---:|---:|---|---:|---:|---|',
    ...results.map(
      (r) =>
        `| ${r.name} | ${figure(r.ours, r.unit)} | ${figure(r.peer, r.unit)} | ${r.peerName} | ${r.ratio.toFixed(2)} | ${bound(r)} | ${r.met ? 'met' : 'missed'} |`,
    ),
    '',
  ].join('\n');

export const table = (results: readonly CaseResult[]): string =>
  results
    .map(
      (r) =>
        `${r.met ? 'met   ' : 'MISSED'}  ${r.name}\n        ${figure(r.ours, r.unit)} against ${figure(r.peer, r.unit)} (${r.peerName}): ratio ${r.ratio.toFixed(2)}, budget ${bound(r)}`,
    )
    .join('\n');

export const writeReports = async (results: readonly CaseResult[], folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'bench.json'),
    `${JSON.stringify({ at: new Date().toISOString(), results }, null, 2)}\n`,
  );
  await writeFile(join(folder, 'bench.md'), markdown(results));
};
