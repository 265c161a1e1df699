/**
 * The four logs by which calls are judged. Each is written by somebody else, so that no part of the system vouches for
 * itself: the caller, the function, the store, and whoever made the faults. All times are epoch milliseconds of one clock.
 */

/** What the caller saw. `key` is the test's own name of the call, for an id is not known before the call is accepted. */
export type LedgerEntry =
  | { readonly type: 'invoke'; readonly key: string; readonly at: number }
  | { readonly type: 'ack'; readonly key: string; readonly at: number; readonly callId: string }
  | { readonly type: 'settle'; readonly key: string; readonly at: number; readonly ok: true; readonly value: unknown }
  | { readonly type: 'settle'; readonly key: string; readonly at: number; readonly ok: false; readonly error: unknown };

/** What the function did: one appended line each, which survives a SIGKILL. */
export interface Effect {
  readonly type: 'start' | 'end';
  readonly key: string;
  readonly callId: string;
  readonly attempt: number;
  readonly pid: number;
  readonly at: number;
}

/** What is stored as the call's outcome, read after the run. */
export interface Commit {
  readonly callId: string;
  readonly ok: boolean;
  /** The attempt that settled it. */
  readonly attempt: number;
  readonly at: number;
}

/** What was done to the system. A fault with neither `pids` nor `callIds` may have touched everything. */
export interface Fault {
  readonly kind: string;
  readonly at: number;
  /** When it was over, for freezes, partitions and outages. */
  readonly until?: number;
  /** Executors that it touched. */
  readonly pids?: readonly number[];
  /** Calls that it touched, whatever executed them: those whose runner reports that their locks were renewed late. */
  readonly callIds?: readonly string[];
}

/** A line of the side-effect log: `start <key> <callId> <attempt> <pid> <at>`. Keys without spaces. */
export const effectLine = (effect: Effect): string =>
  `${effect.type} ${effect.key} ${effect.callId} ${effect.attempt} ${effect.pid} ${effect.at}\n`;

/** @returns the effects of a log file's text; a line that a kill cut short is left out. */
export const parseEffects = (text: string): readonly Effect[] =>
  text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((parts) => parts.length === 6 && (parts[0] === 'start' || parts[0] === 'end'))
    .map(([type, key = '', callId = '', attempt, pid, at]) => ({
      type: type as Effect['type'],
      key,
      callId,
      attempt: Number(attempt),
      pid: Number(pid),
      at: Number(at),
    }));
