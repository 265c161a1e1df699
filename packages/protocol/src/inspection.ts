/** Everything that decides whether a waiting call must expire, and that `status()` turns into words. */
import type { RedisClient } from './connect.ts';
import { runScript } from './connect.ts';
import { type PastAttempt, parseHistory } from './history.ts';
import type { PoolKeys } from './keys.ts';
import { type LimitWords, parseWords } from './limits.ts';
import { finite } from './stored.ts';

/**
 * `waiting`: also a delayed call that is due, whoever is to move it. `orphaned`: active, but its runner's lock has run out.
 * `expired`: finished, and its outcome is no longer kept. `lost`: its job hash exists but stands in no list (seen
 * only after data loss).
 */
export type CallState = 'waiting' | 'delayed' | 'active' | 'orphaned' | 'settled' | 'expired' | 'lost' | 'missing';

export interface CallInspection {
  readonly state: CallState;
  /** Calls that are served before this one. */
  readonly ahead: number;
  /** Redis ms at which a delayed call becomes due. */
  readonly dueAt: number;
  /** Redis ms of this inspection. */
  readonly now: number;
  readonly poolPaused: boolean;
  /** Of a waiting call: every call that runs in its pool awaits another call of that pool. */
  readonly selfWait: boolean;
  /** Redis ms of the pool's last start of any call, 0 for never. */
  readonly lastStartAt: number;
  /** Calls that run on runners whose locks are alive (of the first 1,000). */
  readonly liveActive: number;
  /** Runners that have been heard of lately. */
  readonly runners: number;
  readonly generation: number;
  /** Length of the present period of waiting, pauses of the pool left out. */
  readonly waitedMs: number;
  readonly runnerLosses: number;
  readonly executorKills: number;
  readonly runnerId: string | undefined;
  readonly queueTimeoutMs: number;
  /** Redis ms, 0 for none. */
  readonly deadlineAt: number;
  /** Attempts started in this generation. */
  readonly attempts: number;
  readonly attemptsMade: number;
  /** Redis ms of the last start, 0 for never. */
  readonly startedAt: number;
  readonly cancelReason: string | undefined;
  readonly functionName: string;
  /** Redis ms. */
  readonly enqueuedAt: number;
  readonly failOnLoss: boolean;
  readonly history: readonly PastAttempt[];
  /** It runs, and has yielded what its reader has room for. */
  readonly waitsForReader?: boolean;
  /** What a call waits for that no runner so far could take, by its release; `undefined` for every other call. */
  readonly parked: Parked | undefined;
  /** What holds a call that waits for a place under a limit; `undefined` for every other call. */
  readonly held: Held | undefined;
}

export interface Held {
  /** The limit that holds it. Its key is missing where keys are sealed: `sealed` has them. */
  readonly words: LimitWords;
  /** Which of the call's limits that is, from 0. */
  readonly at: number;
  readonly sealed: string | undefined;
  /** How many calls of the key may have begun; `Infinity` when nobody names the limit. */
  readonly most: number;
  /** Calls of the key that have a place. */
  readonly taken: number;
  /** Who has set the number, when it was not a release. */
  readonly setBy: string | undefined;
  /** Of the first 100 that have a place: how many await no call that is held. */
  readonly moving: number;
  /** … and the ids of those that do. */
  readonly stuck: readonly string[];
  /** Redis ms at which the next call of the key may begin, when it waits for that and not for a place. */
  readonly tokenAt: number | undefined;
  /** Calls of the key that may begin in so many milliseconds. */
  readonly rate: { readonly calls: number; readonly perMs: number } | undefined;
}

export interface Parked {
  /** The release of its caller. */
  readonly wanted: string;
  /** The release of the runner that could not take it. */
  readonly found: string;
  readonly why: 'strict' | 'unknown' | 'changed';
  /** How long it has waited for that runner. */
  readonly forMs: number;
  /** Releases of the pool's live runners, each once. */
  readonly releases: readonly string[];
  /** There is a runner of the wanted release, or one that makes room for it by draining. */
  readonly rolling: boolean;
}

/** Looks at one call and at its pool, in one atomic step. */
export const inspectCall = async (client: RedisClient, keys: PoolKeys, callId: string): Promise<CallInspection> => {
  const r = ((await runScript(client, 'flameInspect', [keys.queue, callId])) as Reply).map((v) => v ?? undefined);
  // A field that holds no number is as one that is absent: a bound of waiting must not hang on it.
  const n = (at: number): number => finite(r[at]);
  const s = (at: number): string | undefined => (r[at] === undefined ? undefined : String(r[at]));
  const paused = n(4);
  const f = 15;
  const wanted = s(f + 16);
  return {
    state: (s(0) ?? 'missing') as CallState,
    ahead: n(1),
    dueAt: n(2),
    now: n(3),
    poolPaused: n(5) === 1,
    selfWait: n(11) === 1,
    lastStartAt: n(6),
    liveActive: n(7),
    runners: n(8),
    generation: n(f),
    waitedMs: Math.max(0, n(3) - n(f + 1) - (paused - n(f + 2))),
    runnerLosses: n(f + 3),
    executorKills: n(f + 4),
    runnerId: s(f + 5),
    queueTimeoutMs: n(f + 6),
    deadlineAt: n(f + 7),
    attempts: n(f + 8) - n(f + 9) - n(f + 20),
    startedAt: n(f + 10),
    cancelReason: s(f + 11),
    functionName: s(f + 12) ?? '',
    attemptsMade: n(f + 13),
    enqueuedAt: n(f + 14),
    failOnLoss: s(f + 15) === '1',
    history: parseHistory(s(f + 21)),
    waitsForReader: s(14) === '1',
    parked:
      wanted === undefined
        ? undefined
        : {
            wanted,
            found: s(f + 18) ?? '',
            why: whyOf(s(f + 19)),
            forMs: Math.max(0, n(3) - n(f + 17)),
            releases: Array.isArray(r[9]) ? [...new Set(r[9].map(String))].sort() : [],
            rolling: n(10) === 1,
          },
    held: heldOf(r[12], s(13)),
  };
};

const heldOf = (reply: Reply[number] | undefined, text: string | undefined): Held | undefined => {
  if (!Array.isArray(reply) || reply.length === 0) return undefined;
  const [at, most, taken, setBy, moving, stuck, tokenAt, rate] = reply as unknown as [
    number,
    string,
    number,
    string,
    number,
    string[],
    string,
    string,
  ];
  const { words, sealed } = parseWords(text);
  return {
    words: words[at] ?? { label: '?' },
    at,
    sealed,
    most: Number.isFinite(Number(most)) ? Number(most) : Number.POSITIVE_INFINITY,
    taken,
    setBy: setBy || undefined,
    moving,
    stuck,
    tokenAt: tokenAt === '' || !Number.isFinite(Number(tokenAt)) ? undefined : Number(tokenAt),
    rate: rate === '' ? undefined : { calls: Number(rate.split(' ')[0]), perMs: Number(rate.split(' ')[1]) },
  };
};

type Reply = readonly (string | number | null | readonly unknown[])[];

const whyOf = (text: string | undefined): Parked['why'] => (text === 'strict' || text === 'changed' ? text : 'unknown');
