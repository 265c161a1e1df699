/** What the pick-up script reports of a call, read from the job's hash. */
import { finite } from './stored.ts';

/** A hash as Redis gives it: names and values in turn. */
export type RawHash = readonly (string | number)[];

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
  /** Redis ms of the pick-up. */
  readonly at: number;
  /** This process's monotonic ms when it asked: the lock was set no earlier, however late the reply was read. */
  readonly askedAt: number;
}

/** @returns `undefined` for a job that is not a call of ours */
export const toPickUp = (hash: RawHash, at: number, askedAt: number): PickUp | undefined => {
  const fields = new Map<string, string>();
  // Later pairs win: the script appends what it has just changed.
  for (let i = 0; i + 1 < hash.length; i += 2) fields.set(String(hash[i]), String(hash[i + 1]));
  const generation = fields.get('f:gen');
  if (generation === undefined) return undefined;
  const number = (name: string): number => finite(fields.get(name));
  return {
    generation: Number(generation),
    ats: number('ats'),
    attemptsBefore: number('f:base'),
    handedBack: number('f:back'),
    runnerLosses: number('f:loss'),
    executorKills: number('f:kill'),
    lateFaults: number('f:late'),
    settled: fields.get('f:settled') === '1',
    cancelReason: fields.get('f:cancel'),
    failOnLoss: fields.get('f:fail') === '1',
    deadlineAt: number('f:dl'),
    waitedMs: at - number('f:since') - (number('f:paused') - number('f:pz')),
    queueTimeoutMs: number('f:qt'),
    oversizeBytes: number('f:size'),
    at,
    askedAt,
  };
};
