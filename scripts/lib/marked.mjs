// Ends what a script has started, however it detached itself: every child inherits a marker in its environment.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** SIGKILLs every process whose environment holds the given entry (`{ NAME: value }`). Linux only; elsewhere it does nothing. */
export const endMarked = (mark) => {
  if (!existsSync('/proc/self/environ')) return;
  const entries = Object.entries(mark).map(([name, value]) => `${name}=${value}`);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (entries.every((entry) => environment.includes(entry))) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended, or is not ours.
    }
  }
};
