/** Which process is a runner of this machine. */
import { readdirSync } from 'node:fs';
import {
  environmentOf,
  HAS_PROC,
  isStartedWith,
  livingPid,
  startTimeOf,
  statFields,
} from '@flamejs/protocol/process-identity';

export { instanceIdOf, livingPid, startTimeOf } from '@flamejs/protocol/process-identity';

const isRunner = (pid: number, runnerId: string): boolean => isStartedWith(pid, `FLAME_RUNNER_ID=${runnerId}`);

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

const groupOf = (pid: number): number | undefined => {
  try {
    return Number(statFields(pid)[2]);
  } catch {
    return undefined;
  }
};
