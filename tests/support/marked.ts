/**
 * Finding the processes that a test has started, however they detached themselves: every child inherits a marker
 * in its environment, and the environment can be read from outside.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Name of the marker's environment variable. */
export const markerName = 'FLAME_TEST_RUN';

export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** Every living process, other than this one, whose environment holds `name=value` (or any value that starts with it). */
export const processesMarked = (name: string, value: string): readonly FoundProcess[] => {
  const found = existsSync('/proc/self/environ') ? fromProc(`${name}=${value}`) : fromPs(`${name}=${value}`);
  return found.filter(({ pid }) => pid !== process.pid);
};

const fromProc = (marker: string): FoundProcess[] => {
  const found: FoundProcess[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const environment = readFileSync(`/proc/${entry}/environ`, 'utf8').split('\0');
      if (!environment.some((line) => line.startsWith(marker))) continue;
      if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${entry}/status`, 'utf8'))) continue;
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      found.push({ pid: Number(entry), command });
    } catch {
      // It ended between two reads, or belongs to somebody else.
    }
  }
  return found;
};

const fromPs = (marker: string): FoundProcess[] =>
  execFileSync('ps', ['-axEww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\n')
    .filter((line) => line.includes(` ${marker}`))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim().slice(0, 200) }));
