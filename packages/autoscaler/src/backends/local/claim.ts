/** Who starts a runner: what is written down before there is a process, and what becomes of it when its maker is gone. */
import { findByEnvironment, instanceIdOf, livingPid, startTimeOf } from './identity.ts';
import type { LocalEntry, Registry } from './registry.ts';

/**
 * Of a claim without a process: either it is being started, or its maker died before it could write down the pid.
 * @param self the instance id of this process. @returns `undefined` when there is no process, or none yet
 */
export const resolveClaim = (self: string, registry: Registry, entry: LocalEntry): LocalEntry | undefined => {
  if (entry.instanceId !== null) return entry;
  const pid = findByEnvironment('FLAME_RUNNER_ID', entry.runnerId);
  const start = pid === undefined ? undefined : startTimeOf(pid);
  if (pid !== undefined && start !== undefined) {
    const found = { ...entry, instanceId: instanceIdOf(pid, start) };
    registry.write(found);
    return found;
  }
  if (entry.owner !== self && livingPid(entry.owner) !== undefined) return undefined;
  registry.remove(entry.runnerId);
  return undefined;
};
