/** Which process a pid means: pids are reused, so its start time goes with it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';

export const HAS_PROC = existsSync('/proc/self/stat');

/** @returns a text that no later process with this pid shares, or `undefined` when none runs (a zombie does not). */
export const startTimeOf = (pid: number): string | undefined => (HAS_PROC ? fromProc(pid) : fromPs(pid));

/** `<pid>@<start time>`. */
export const instanceIdOf = (pid: number, start: string): string => `${pid}@${start}`;

/** @returns the pid when the very process that the id names still runs. */
export const livingPid = (instanceId: string): number | undefined => {
  const at = instanceId.indexOf('@');
  const pid = Number(instanceId.slice(0, at));
  if (at <= 0 || !Number.isSafeInteger(pid) || pid <= 1) return undefined;
  return startTimeOf(pid) === instanceId.slice(at + 1) ? pid : undefined;
};

/**
 * Whether a process is provably one that was started with this variable, such as `NAME=value`: of this user and, where its
 * environment can be read, with it. Anything else must not be ended, whatever a file says.
 */
export const isStartedWith = (pid: number, variable: string): boolean => {
  const user = process.getuid?.();
  if (!HAS_PROC) return user === undefined || userFromPs(pid) === user;
  try {
    return statSync(`/proc/${pid}`).uid === user && environmentOf(pid).includes(variable);
  } catch {
    return false;
  }
};

/**
 * Whether a process is provably this user's and, where that can be seen, works in this folder: for programs that write over
 * their environment, as Redis does.
 */
export const isWorkingIn = (pid: number, folder: string): boolean => {
  const user = process.getuid?.();
  if (!HAS_PROC) return user === undefined || userFromPs(pid) === user;
  try {
    return statSync(`/proc/${pid}`).uid === user && readlinkSync(`/proc/${pid}/cwd`) === realpathSync(folder);
  } catch {
    return false;
  }
};

/** @throws Error when it is gone or another user's. */
export const environmentOf = (pid: number): readonly string[] =>
  readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');

/** Fields of /proc/<pid>/stat after the command's name, which may itself contain spaces and brackets. */
export const statFields = (pid: number): readonly string[] => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

const fromProc = (pid: number): string | undefined => {
  try {
    const fields = statFields(pid);
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
};

const fromPs = (pid: number): string | undefined => {
  try {
    const [state, ...start] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
    return state === undefined || state.startsWith('Z') ? undefined : start.join('-');
  } catch {
    return undefined;
  }
};

const userFromPs = (pid: number): number | undefined => {
  try {
    return Number(execFileSync('ps', ['-o', 'uid=', '-p', String(pid)], { encoding: 'utf8' }).trim());
  } catch {
    return undefined;
  }
};
