/** What a command that looks once takes, from its start to its end, against a process that does nothing. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Case } from './case.ts';
import { median } from './stats.ts';

const FLAME = fileURLToPath(new URL('../../packages/cli/bin/flame.js', import.meta.url));
const RUNS = 5;
const run = promisify(execFile);

const timed = async (args: readonly string[]): Promise<number> => {
  const times: number[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    const started = performance.now();
    await run(process.execPath, [...args]);
    times.push(performance.now() - started);
  }
  return median(times);
};

export const commandLineCase = (): Case => ({
  name: 'flame pools ls',
  unit: 'ms',
  budget: 3,
  peerName: 'node -e 0',
  rounds: 5,
  ours: () => timed([FLAME, 'pools', 'ls']),
  peer: () => timed(['-e', '0']),
});
