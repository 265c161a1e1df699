/**
 * The oracle: judges a run by its four logs. What must never happen is listed with the calls it happened to; what may
 * happen is counted. Run it on your own functions: let them append `effectLine`s, keep a ledger, and check.
 */
import type { Commit, Effect, Fault, LedgerEntry } from './logs.ts';

/** What was seen of a run: what was called, done, and broken. */
export interface RunLogs {
  readonly ledger: readonly LedgerEntry[];
  readonly effects: readonly Effect[];
  readonly commits: readonly Commit[];
  readonly faults: readonly Fault[];
}

/** Options of `check`. */
export interface CheckOptions {
  /** The value that a call must come to. Without it values are not checked. */
  readonly model?: (key: string) => unknown;
  /** Whether two values are the same; `Object.is` unless given. */
  readonly equal?: (found: unknown, expected: unknown) => boolean;
  /** Whether an error says that the call was certainly not enqueued. Default: FlameUnavailableError with `enqueued: 'no'`. */
  readonly notEnqueued?: (error: unknown) => boolean;
  /** How long after a fault its consequences may show, ms: a lock, a stalled check, and slack. Default: 60,000. */
  readonly aftermathMs?: number;
  /** Differences between clocks of processes on this machine, ms. Default: 50. */
  readonly slackMs?: number;
}

/** What `check` has found, by property; an empty list is a property that held. */
export interface Verdict {
  /** Accepted, and neither settled nor stored. */
  readonly lost: readonly string[];
  /** Invoked, and never settled. */
  readonly unsettled: readonly string[];
  /** Settled more than once. */
  readonly resettled: readonly string[];
  /** Settled with another value than the model's. */
  readonly wrong: readonly string[];
  /** Settled with an error. Whether that is right is the test's to say. */
  readonly rejected: readonly string[];
  /** Executed, and never invoked. */
  readonly unexpected: readonly string[];
  /** Rejected as certainly not enqueued, and executed. */
  readonly ghosts: readonly string[];
  /** Stored by an attempt although a newer one had begun. */
  readonly stale: readonly string[];
  /** Executed again although nothing had happened to the attempt before. */
  readonly enqueuedTwice: readonly string[];
  /** Two attempts alive at the same time. Allowed only while a lock is in doubt; reported. */
  readonly overlapping: readonly string[];
  /** Calls that began more than once, and that ended more than once: the price of at-least-once. */
  readonly restarted: number;
  readonly completedTwice: number;
  readonly invoked: number;
  readonly succeeded: number;
}

/** The properties of a verdict that must be empty in every run, whatever was done to the system. */
export const NEVER = [
  'lost',
  'unsettled',
  'resettled',
  'wrong',
  'unexpected',
  'ghosts',
  'stale',
  'enqueuedTwice',
] as const;

/** @returns the verdict over a whole run. Pure. */
export const check = (logs: RunLogs, options: CheckOptions = {}): Verdict => {
  const { model, equal = Object.is, notEnqueued = saysNotEnqueued, aftermathMs = 60_000, slackMs = 50 } = options;
  const invoked = keysOf(logs.ledger, 'invoke');
  const acked = keysOf(logs.ledger, 'ack');
  const settles = logs.ledger.filter((entry) => entry.type === 'settle');
  const settled = countBy(settles.map((entry) => entry.key));
  const callIds = new Map(logs.ledger.flatMap((e) => (e.type === 'ack' ? [[e.key, e.callId] as const] : [])));
  const committed = new Map(logs.commits.map((commit) => [commit.callId, commit]));
  const executions = groupBy(logs.effects, (effect) => effect.key);
  const rejections = settles.filter((entry) => !entry.ok);

  const stale: string[] = [];
  const enqueuedTwice: string[] = [];
  const overlapping: string[] = [];
  for (const [key, effects] of executions) {
    const attempts = attemptsOf(effects, logs.faults);
    if (attempts.some((attempt, i) => i > 0 && !explained(attempts[i - 1], attempt, logs.faults, aftermathMs)))
      enqueuedTwice.push(key);
    if (attempts.some((attempt, i) => i > 0 && attempt.startedAt + slackMs < (attempts[i - 1]?.endedAt ?? 0)))
      overlapping.push(key);
    const commit = committed.get(callIds.get(key) ?? effects[0]?.callId ?? '');
    const newer =
      commit === undefined
        ? false
        : attempts.some((a) => a.attempt > commit.attempt && a.startedAt + slackMs < commit.at);
    if (newer) stale.push(key);
  }

  return {
    lost: [...acked].filter((key) => !settled.has(key) && !committed.has(callIds.get(key) ?? '')),
    unsettled: [...invoked].filter((key) => !settled.has(key)),
    resettled: [...settled].filter(([, times]) => times > 1).map(([key]) => key),
    wrong: settles.filter((e) => e.ok && model !== undefined && !equal(e.value, model(e.key))).map((e) => e.key),
    rejected: rejections.map((entry) => entry.key),
    unexpected: [...executions.keys()].filter((key) => !invoked.has(key)),
    ghosts: rejections.filter((e) => !e.ok && notEnqueued(e.error) && executions.has(e.key)).map((e) => e.key),
    stale,
    enqueuedTwice,
    overlapping,
    restarted: [...executions.values()].filter((effects) => effects.filter((e) => e.type === 'start').length > 1)
      .length,
    completedTwice: [...executions.values()].filter((effects) => effects.filter((e) => e.type === 'end').length > 1)
      .length,
    invoked: invoked.size,
    succeeded: settles.filter((entry) => entry.ok).length,
  };
};

interface Attempt {
  readonly callId: string;
  readonly attempt: number;
  readonly pid: number;
  readonly startedAt: number;
  /** Its end, or that of its process by a fault; `undefined` when neither is known. */
  readonly endedAt: number | undefined;
  readonly ended: boolean;
}

const attemptsOf = (effects: readonly Effect[], faults: readonly Fault[]): readonly Attempt[] =>
  effects
    .filter((effect) => effect.type === 'start')
    .map((start) => {
      const end = effects.find(
        (e) => e.type === 'end' && e.callId === start.callId && e.attempt === start.attempt && e.pid === start.pid,
      );
      const fault = faults.find((f) => f.at >= start.at && f.pids?.includes(start.pid) === true && f.kind === 'kill');
      return {
        callId: start.callId,
        attempt: start.attempt,
        pid: start.pid,
        startedAt: start.at,
        endedAt: end?.at ?? fault?.at,
        ended: end !== undefined,
      };
    })
    .sort((a, b) => a.startedAt - b.startedAt);

/** A further execution needs a reason: something happened to the attempt before, while it could still matter. */
const explained = (
  before: Attempt | undefined,
  attempt: Attempt,
  faults: readonly Fault[],
  aftermathMs: number,
): boolean => {
  if (before === undefined) return true;
  // Two ids of one call are two calls, whatever happened.
  if (before.callId !== attempt.callId) return false;
  return faults.some((fault) => {
    const everything = fault.pids === undefined && fault.callIds === undefined;
    const touched = everything || fault.pids?.includes(before.pid) || fault.callIds?.includes(before.callId);
    const over = fault.until ?? fault.at;
    return touched && over >= before.startedAt - aftermathMs && fault.at <= attempt.startedAt;
  });
};

const saysNotEnqueued = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'enqueued' in error && error.enqueued === 'no';

const keysOf = (ledger: readonly LedgerEntry[], type: LedgerEntry['type']): ReadonlySet<string> =>
  new Set(ledger.filter((entry) => entry.type === type).map((entry) => entry.key));

const countBy = (keys: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
};
