/**
 * Ends what user code has started: first the executor's process group, then processes that left the group (`setsid`, a
 * double fork) and are found by the marker in their environment. A process that cleared its environment and left the
 * group escapes; only a cgroup or a container would hold it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { MARK_ENV } from './markers.ts';

const ROUNDS = 20;
const BETWEEN_ROUNDS_MS = 10;
const READS_AT_ONCE = 32;

/** SIGKILL to a process group; one that is gone already is fine. */
export const killGroup = (pid: number): void => kill(-pid);

/**
 * Kills every process that carries the mark, and looks again until there is none: a killed one may have forked meanwhile.
 * Does nothing on a platform without `/proc`.
 * @returns the pids that it killed.
 */
export const killMarked = async (mark: string): Promise<readonly number[]> => {
  const killed = new Set<number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = await findMarked(mark);
    if (found.length === 0) break;
    for (const pid of found) {
      kill(pid);
      killed.add(pid);
    }
    await pause(BETWEEN_ROUNDS_MS);
  }
  return [...killed];
};

/**
 * Whether this process has, or has had, a child, so that somebody may carry its mark. Costs a tenth of a look at every process.
 * @returns true also when it cannot be known.
 */
export const mayHaveChildren = (): boolean => {
  try {
    const threads = readdirSync('/proc/self/task');
    const alive = threads.some((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'latin1') !== '');
    return alive || faultsOfChildren() > 0;
  } catch {
    return true;
  }
};

/** Page faults of the children that have ended and were waited for: none ends without one (proc(5), cminflt). */
const faultsOfChildren = (): number => {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // The second field is the command in parentheses, and may itself have any character.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[8]);
};

/**
 * Like `killMarked`, without letting anything else run meanwhile: for an executor's watchdog, beside which the call of a dead runner
 * goes on until it is done here.
 */
export const killMarkedNow = (mark: string): void => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = processes(listNow()).filter((pid) => isMarked(environmentNow(pid), mark));
    if (found.length === 0) return;
    for (const pid of found) kill(pid);
  }
};

/** @returns whether one of these processes has started it, as far as its living ancestors tell; true when it is one of them. */
export const descendsFrom = (pid: number, ancestors: ReadonlySet<number>): boolean => {
  for (let at = pid; at > 1; ) {
    if (ancestors.has(at)) return true;
    try {
      const stat = readFileSync(`/proc/${at}/stat`, 'latin1');
      at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    } catch {
      return false; // gone meanwhile
    }
  }
  return false;
};

/** @returns pids of the living processes that carry the mark, this one left out. */
export const findMarked = async (mark: string): Promise<readonly number[]> => {
  const pids = processes(await readdir('/proc').catch(() => []));
  const found: number[] = [];
  for (let at = 0; at < pids.length; at += READS_AT_ONCE)
    await Promise.all(
      pids.slice(at, at + READS_AT_ONCE).map(async (pid) => {
        if (isMarked(await readFile(environmentFile(pid), 'latin1').catch(() => ''), mark)) found.push(pid);
      }),
    );
  return found;
};

/** This process is not among them. */
const processes = (entries: readonly string[]): readonly number[] =>
  entries
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid);

const environmentFile = (pid: number): string => `/proc/${pid}/environ`;

// Empty for a zombie, and for a process that is gone or belongs to another user.
const isMarked = (environment: string, mark: string): boolean => `\0${environment}`.includes(`\0${MARK_ENV}=${mark}\0`);

const listNow = (): readonly string[] => {
  try {
    return readdirSync('/proc');
  } catch {
    return [];
  }
};

const environmentNow = (pid: number): string => {
  try {
    return readFileSync(environmentFile(pid), 'latin1');
  } catch {
    return '';
  }
};

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone meanwhile.
  }
};
