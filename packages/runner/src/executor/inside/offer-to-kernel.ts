/** When memory is short, the kernel is to take an executor, whose call ends with a reason, and not its runner with all calls. */
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = '/proc/self/oom_score_adj';
/** As if it used half of all memory more than it does. */
const MORE = 500;
const MOST = 1_000;

/** What it starts inherits it. Does nothing where there is no such file. */
export const offerToKernel = (): void => {
  try {
    writeFileSync(FILE, String(Math.min(MOST, Number(readFileSync(FILE, 'latin1')) + MORE)));
  } catch {
    // No Linux, or no /proc: then the kernel decides by size alone.
  }
};
