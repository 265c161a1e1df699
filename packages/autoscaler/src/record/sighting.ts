/** What one controller knows of one runner at one tick. Unknown is a value of its own; it is never read as "no". */

import type { RunnerRecord } from '@flamejs/protocol';
import type { Instance } from '@flamejs/queue';

export interface Sighting {
  /** The runner's own record; `null` when the registry was read and has none. */
  readonly agent: RunnerRecord | null | 'unknown';
  /** For how long this controller has watched the heartbeat stand still, without a gap in its own watching. */
  readonly silentMs: number;
  readonly instance: Instance | 'absent' | 'unknown';
  /** Whole listings in a row, each taken after the last call that could have changed the answer, that lacked it. */
  readonly absences: number;
  /** Whether an active call of it still has a lock. Read only for runners that are silent. */
  readonly locks: 'held' | 'none' | 'unknown';
  /** For how long this controller has seen everything without a gap. */
  readonly steadyMs: number;
  /** How much of the record's time in its present state this controller has slept through, or could not look. */
  readonly sleptMs: number;
  /** It runs where this controller's backend cannot see: another host's local process, an instance of another kind of backend. */
  readonly elsewhere: boolean;
}

export const UNSEEN: Sighting = {
  agent: 'unknown',
  silentMs: 0,
  instance: 'unknown',
  absences: 0,
  locks: 'unknown',
  steadyMs: 0,
  sleptMs: 0,
  elsewhere: false,
};
