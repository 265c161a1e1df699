/** Where a call is and why it has not finished, for people and for programs (G7). */

import { decode, unpackPayload } from '@flamejs/protocol/codec';
import { explainWaiting, type WaitingReason } from '@flamejs/protocol/explain';
import type { PastAttempt } from '@flamejs/protocol/history';
import type { CallInspection } from '@flamejs/protocol/inspection';
import type { LimitWords } from '@flamejs/protocol/limits';
import type { PoolConfig } from '../config/types.ts';
import type { CallPlace } from './call-place.ts';

/** Where a call is, and in words what it waits for. */
export interface CallStatus {
  readonly id: string;
  readonly pool: string;
  /** Empty once the call's job is gone and only its outcome is kept. */
  readonly functionName: string;
  readonly state: 'waiting' | 'delayed' | 'running' | 'succeeded' | 'failed' | 'unknown';
  /** Why it is where it is, typed. */
  readonly reason: WaitingReason;
  /** The same as a sentence. For a failed call: its error's message. */
  readonly text: string;
  /** Attempts started, runner losses and waiting time (ms) of the present generation. */
  readonly attempts: number;
  readonly runnerLosses: number;
  readonly waitedMs: number;
  /** Raised by every retry by hand; 0 when unknown. */
  readonly generation: number;
  readonly runnerId: string | undefined;
  /** Calls that will be served before it. */
  readonly ahead: number;
  /** Its attempts that did not settle it, oldest first, at most ten: which runner, when, how each ended, its last lines. */
  readonly history: readonly PastAttempt[];
}

export const readStatus = async (place: CallPlace, pool: PoolConfig, id: string): Promise<CallStatus> => {
  const [[inspected, stored], status] = await Promise.all([
    place.ask(pool, id, (store) => Promise.all([store.inspect(id), store.head(id)])),
    place.poolStatus(pool),
  ]);
  const call = await withKey(place, id, inspected);
  const head = call.state === 'settled' ? stored : undefined;
  const { reason, text } = explainWaiting(pool.name, call, status);
  return {
    id,
    pool: pool.name,
    functionName: call.functionName,
    state: head === undefined ? STATES[call.state] : head.ok ? 'succeeded' : 'failed',
    reason,
    text: head === undefined || head.ok ? text : `${head.kind}: ${head.message}`,
    attempts: head?.attempts ?? call.attempts,
    runnerLosses: head?.runnerLosses ?? call.runnerLosses,
    waitedMs: call.state === 'waiting' ? call.waitedMs : 0,
    generation: call.generation,
    runnerId: call.runnerId ?? (head?.runnerId || undefined),
    ahead: call.ahead,
    history: call.history,
  };
};

/** Where payloads are sealed, the text of a key is too. What cannot be opened here stays untold. */
const withKey = async (place: CallPlace, callId: string, call: CallInspection): Promise<CallInspection> => {
  const { held } = call;
  if (held?.sealed === undefined) return call;
  try {
    const about = { callId, kind: 'arguments', limit: MOST_WORDS_BYTES } as const;
    const frame = await place.vault.open(Buffer.from(held.sealed, 'base64'), about);
    const words = (decode(unpackPayload(frame)) as readonly LimitWords[])[held.at];
    return words === undefined ? call : { ...call, held: { ...held, words } };
  } catch {
    return call;
  }
};

const MOST_WORDS_BYTES = 16 * 1024;

const STATES = {
  waiting: 'waiting',
  delayed: 'delayed',
  active: 'running',
  orphaned: 'running',
  settled: 'unknown',
  expired: 'unknown',
  lost: 'unknown',
  missing: 'unknown',
} as const;
