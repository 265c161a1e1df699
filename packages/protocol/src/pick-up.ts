/** What the pick-up script says of a call beside BullMQ's own fields. */
export interface PickUp {
  readonly generation: number;
  /** BullMQ's count of pick-ups, this one included. */
  readonly ats: number;
  /** Attempts before this generation, by BullMQ's `ats`. */
  readonly attemptsBefore: number;
  /** Pick-ups of this generation that went back before anything of the call had begun. */
  readonly handedBack: number;
  readonly runnerLosses: number;
  readonly executorKills: number;
  readonly lateFaults: number;
  /** This generation already has an outcome: finish the job without running it. */
  readonly settled: boolean;
  readonly cancelReason: string | undefined;
  readonly failOnLoss: boolean;
  /** Redis ms; 0 for none. */
  readonly deadlineAt: number;
  /** How long this period of waiting lasted, pauses of the pool left out. */
  readonly waitedMs: number;
  readonly queueTimeoutMs: number;
  /** Bytes of its data, when they were too many to be read; 0 for every call of ours. */
  readonly oversizeBytes: number;
  /** The index at which its stream goes on; below 0 when it must not run again: `-1 -` the items that there are, some of which were read. */
  readonly streamFrom: number;
  /** Redis ms of the pick-up. */
  readonly at: number;
  /** This process's monotonic ms when it asked: the lock was set no earlier, however late the reply was read. */
  readonly askedAt: number;
}
