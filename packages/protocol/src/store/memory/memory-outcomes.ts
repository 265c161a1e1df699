/** How calls ended, and for how long that is kept: the same times to live as in Redis. */

import type { PastAttempt } from '../../history.ts';
import type { Delivery, Lookup } from '../../outcome.ts';
import { LARGE_BODY_BYTES, type OutcomeHead, READ_BODY_MS } from '../../verdict.ts';
import type { MemoryCall } from './memory-call.ts';

/** How long an outcome is kept, at least, for who is too busy to read it. */
const AWAITED_MS = 3_600_000;

export interface MemoryOutcome {
  readonly generation: number;
  readonly head: OutcomeHead;
  readonly body: Uint8Array;
  readonly fingerprint: string;
  readonly at: number;
  readonly ttlMs: number;
  readonly history: readonly PastAttempt[];
  /** Its only waiter is the maker that alone knows the call, and its value is large. */
  readonly own: boolean;
  until: number;
  bodyUntil: number;
  /** Who has yet to say that it was read; nobody of an outcome that is kept no longer for that. */
  unread: readonly string[];
  read: { readonly at: number; readonly to: string } | undefined;
}

/** What is told to those who wait: what travels in Redis in a push. */
export interface ToldOutcome {
  readonly callId: string;
  readonly generation: number;
  /** `undefined` of a call that was removed before it had an outcome. */
  readonly head: OutcomeHead | undefined;
  readonly body: Uint8Array | undefined;
  /** Its reading is to be acknowledged. */
  readonly awaited: boolean;
}

export interface MemoryOutcomes {
  get(id: string): MemoryOutcome | undefined;
  /** @returns what is told to those who wait */
  store(call: MemoryCall, head: OutcomeHead, body: Uint8Array): ToldOutcome;
  forget(id: string): void;
  body(id: string): Buffer | undefined;
  /** What a waiter finds; wanted again while it is still there, a value is kept as one that nobody has read. */
  lookUp(id: string, outcome: MemoryOutcome, waiter: string): Lookup;
  acknowledge(waiter: string, by: string, delivery: Delivery): void;
}

/** @param onKept told until when an outcome is kept, whenever that changes */
export const createMemoryOutcomes = (
  now: () => number,
  onKept: (id: string, until: number) => void,
): MemoryOutcomes => {
  const outcomes = new Map<string, MemoryOutcome>();

  const get = (id: string): MemoryOutcome | undefined => {
    const outcome = outcomes.get(id);
    if (outcome === undefined || outcome.until > now()) return outcome;
    outcomes.delete(id);
    return undefined;
  };

  const body = (id: string): Buffer | undefined => {
    const outcome = get(id);
    return outcome === undefined || outcome.bodyUntil <= now() ? undefined : Buffer.from(outcome.body);
  };

  return {
    get,
    body,
    forget: (id) => void outcomes.delete(id),
    store(call, head, bytes) {
      const { id, resultTtlMs, failedTtlMs, fingerprint } = call.accepted;
      const ttlMs = head.ok ? resultTtlMs : failedTtlMs;
      const awaited = call.waiters.length > 0;
      const keptMs = awaited ? Math.max(ttlMs, AWAITED_MS) : ttlMs;
      const own = head.ok && bytes.length > LARGE_BODY_BYTES && awaited && call.waiters.join(' ') === call.own;
      const acknowledged = own || keptMs > ttlMs;
      const until = now() + keptMs;
      outcomes.set(id, {
        generation: call.generation,
        head,
        body: bytes,
        fingerprint,
        at: now(),
        ttlMs,
        history: call.history,
        own,
        until,
        bodyUntil: until,
        unread: acknowledged ? call.waiters : [],
        read: undefined,
      });
      onKept(id, until);
      return { callId: id, generation: call.generation, head, body: Uint8Array.from(bytes), awaited: acknowledged };
    },
    lookUp(id, outcome, waiter) {
      const { generation, head, read } = outcome;
      if (read !== undefined && outcome.bodyUntil <= now()) return { state: 'delivered', at: read.at, to: read.to };
      if (read !== undefined && waiter !== '') {
        outcome.bodyUntil = outcome.at + outcome.ttlMs;
        outcome.read = undefined;
      }
      const bytes = body(id);
      if (bytes === undefined) return { state: 'missing' };
      const awaited = waiter !== '' && outcome.unread.includes(waiter);
      return { state: 'settled', outcome: { generation, head, body: bytes, awaited } };
    },
    acknowledge(waiter, by, { callId, generation, read }) {
      const outcome = get(callId);
      if (outcome?.generation !== generation || !outcome.unread.includes(waiter)) return;
      outcome.unread = outcome.unread.filter((other) => other !== waiter);
      if (outcome.unread.length > 0) return;
      const until = outcome.at + outcome.ttlMs;
      outcome.until = until;
      outcome.bodyUntil = until;
      if (outcome.own && read) {
        outcome.read = { at: now(), to: by };
        outcome.bodyUntil = Math.min(until, now() + READ_BODY_MS);
      }
      onKept(callId, until);
    },
  };
};
