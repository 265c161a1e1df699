/** Which process a pid means: pids are reused, so its start time goes with it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';

const HAS_PROC = existsSync('/proc/self/stat');

/** @returns a text that no later process with this pid shares, or `undefined` when none runs (a zombie does not). */
export const startTimeOf = (pid: number): string | undefined => (HAS_PROC ? fromProc(pid) : fromPs(pid));

/** `<pid>@<start time>`: the id of a local instance. */
export const instanceIdOf = (pid: number, start: string): string => `${pid}@${start}`;

/** @returns the pid when the very process that the id names still runs. */
export const livingPid = (instanceId: string): number | undefined => {
  const at = instanceId.indexOf('@');
  const pid = Number(instanceId.slice(0, at));
  if (at <= 0 || !Number.isSafeInteger(pid) || pid <= 1) return undefined;
  return startTimeOf(pid) === instanceId.slice(at + 1) ? pid : undefined;
};

/**
 * Whether a process is provably the runner of that id: of this user and, where its environment can be read, started for it.
 * Anything else must not be ended, whatever a file says.
 */
const isRunner = (pid: number, runnerId: string): boolean => {
  const user = process.getuid?.();
  if (!HAS_PROC) return user === undefined || userFromPs(pid) === user;
  try {
    if (statSync(`/proc/${pid}`).uid !== user) return false;
    return environmentOf(pid).includes(`FLAME_RUNNER_ID=${runnerId}`);
  } catch {
    return false;
  }
};

/** @returns the pid of a runner that lives; an entry may be older than the process that has its pid now. */
export const runnerPid = (entry: {
  readonly runnerId: string;
  readonly instanceId: string | null;
}): number | undefined => {
  const pid = entry.instanceId === null ? undefined : livingPid(entry.instanceId);
  return pid !== undefined && isRunner(pid, entry.runnerId) ? pid : undefined;
};

/** @returns pids of what is left of a runner's process group, whose leader may be gone. Finds nothing where there is no /proc. */
export const membersOf = (group: number, runnerId: string): readonly number[] =>
  HAS_PROC ? allPids().filter((pid) => groupOf(pid) === group && isRunner(pid, runnerId)) : [];

/** Looks for the leader of a process group whose environment has this variable. Finds nothing where there is no /proc. */
export const findByEnvironment = (name: string, value: string): number | undefined => {
  if (!HAS_PROC) return undefined;
  const wanted = `${name}=${value}`;
  return allPids().find((pid) => {
    try {
      return environmentOf(pid).includes(wanted) && groupOf(pid) === pid && startTimeOf(pid) !== undefined;
    } catch {
      return false;
    }
  });
};

const allPids = (): readonly number[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);

/** @throws Error when it is gone or another user's. */
const environmentOf = (pid: number): readonly string[] => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');

const groupOf = (pid: number): number | undefined => {
  try {
    return Number(statFields(pid)[2]);
  } catch {
    return undefined;
  }
};

/** Fields of /proc/<pid>/stat after the command's name, which may itself contain spaces and brackets. */
const statFields = (pid: number): readonly string[] => {
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
