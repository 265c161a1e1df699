/** Which process a pid means: pids are reused, so its start time goes with it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

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

/** Looks for the leader of a process group whose environment has this variable. Finds nothing where there is no /proc. */
export const findByEnvironment = (name: string, value: string): number | undefined => {
  if (!HAS_PROC) return undefined;
  const wanted = `${name}=${value}`;
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .find((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(wanted)) return false;
        return Number(statFields(pid)[2]) === pid && startTimeOf(pid) !== undefined;
      } catch {
        return false;
      }
    });
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
