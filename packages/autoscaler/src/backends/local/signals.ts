/** Signals to runners and their process groups. */
import { membersOf } from './identity.ts';

/** A process that is gone already needs no signal; of a group, macOS says so by EPERM when only zombies are left. */
export const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && !(pid < 0 && code === 'EPERM')) throw error;
  }
};

/** What a runner has started in its group must not outlive it. @param leader the runner, alive or just gone */
export const endGroup = (leader: number): void => signal(-leader, 'SIGKILL');

/** The same for one that ended while nobody was its parent: its pid may be another's by now, so each member is looked at. */
export const endRestOfGroup = (instanceId: string, runnerId: string): void => {
  for (const pid of membersOf(Number(instanceId.split('@')[0]), runnerId)) signal(pid, 'SIGKILL');
};
