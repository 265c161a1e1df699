/**
 * The calls of a pool in this process: the same steps as in Redis, each done at once. Who wants to know of something gives a listener
 * where Redis would push a message; listeners are told in the same turn, and must not throw.
 */
import type { CallInspection } from '../../inspection.ts';
import type { ParkVerdict } from '../../verdict.ts';
import type { AcceptedCall, CallStore, Refill, Settled, TakenCall, Taker, Verdict } from '../call-store.ts';
import { LOCK_MS } from '../lock.ts';
import { addWaiter, type MemoryCall, newCall, noteAttempt, renewCall, toTaken } from './memory-call.ts';
import { createMemoryPool, type MemoryStoreOptions } from './memory-pool.ts';

/** More of a call is not handed over: it is picked up. */
const MOST_PUSHED = 65_536;

export interface MemoryStore extends CallStore {
  /** As `inspect`, at once. */
  see(callId: string): CallInspection;
}

export const createMemoryStore = (options: MemoryStoreOptions): MemoryStore => {
  const { now, later = () => undefined } = options;
  const pool = createMemoryPool(options);
  const { calls, line, outcomes, parking, overdue, get, hasOutcome, enqueue, delay, begin, promote, takeNext } = pool;
  const notes = new Map<string, { readonly note: Buffer; readonly until: number }>();
  /** Slots on offer, the longest free first: runners by number. */
  const free = new Map<string, string>();

  const handOver = (call: MemoryCall): boolean => {
    for (const [number, runnerId] of free) {
      free.delete(number);
      const before = { ...call };
      begin(call, runnerId);
      const taken = toTaken(call, now(), false, performance.now());
      line.activate(call.accepted.id);
      if (options.onHanded?.(runnerId, { number, call: taken }) === true) return true;
      // Nobody is there: as if there were no such slot.
      line.remove(call.accepted.id);
      Object.assign(call, before);
    }
    return false;
  };

  const acceptOne = (accepted: AcceptedCall): 'accepted' | 'id-conflict' | 'queue-full' => {
    const { id, fingerprint, waiter, delayMs, queueTimeoutMs } = accepted;
    const known = get(id);
    const same = known?.accepted.fingerprint ?? outcomes.get(id)?.fingerprint;
    if (same !== undefined && same !== fingerprint) return 'id-conflict';
    if (same !== undefined) {
      if (known !== undefined) addWaiter(known, waiter);
      return 'accepted';
    }
    if (line.waiting + line.delayed >= accepted.maxPending) return 'queue-full';
    const call = newCall(accepted, now());
    pool.add(call);
    const bounds = [call.deadlineAt, queueTimeoutMs > 0 ? call.since + queueTimeoutMs : 0].filter((at) => at > 0);
    if (bounds.length > 0) pool.bound(id, Math.min(...bounds));
    const isPushed =
      delayMs === 0 &&
      line.waiting === 0 &&
      !accepted.failOnLoss &&
      accepted.limits === '' &&
      accepted.data.length <= MOST_PUSHED;
    if (isPushed && handOver(call)) return 'accepted';
    if (delayMs > 0) delay(call, delayMs);
    else enqueue(call, false);
    return 'accepted';
  };

  const move = (call: MemoryCall, verdict: Verdict): void => {
    const { kind, delayMs, count, unbegun, ended, park } = verdict;
    if (ended !== undefined) noteAttempt(call, ended, now());
    if (unbegun === true) call.handedBack += 1;
    call.moved = verdict.attempt;
    line.remove(call.accepted.id);
    call.runner = undefined;
    if (kind === 'retry') call.attemptsMade += 1;
    if (count === 'f:kill') call.executorKills += 1;
    if (count === 'f:late') call.lateFaults += 1;
    if (kind === 'park') {
      parking.park(call, park as ParkVerdict, now());
      call.attemptsBefore += 1;
      delay(call, delayMs ?? 0);
    } else if (delayMs !== undefined) {
      call.since = now() + delayMs;
      delay(call, delayMs);
    } else enqueue(call, kind === 'again');
  };

  const carryOut = (verdict: Verdict): Settled['status'] => {
    const call = get(verdict.callId);
    if (call === undefined || call.attempt !== verdict.attempt || call.generation !== verdict.generation)
      return 'superseded';
    if (call.moved === verdict.attempt || call.hasEnded) return 'superseded';
    if (verdict.kind === 'settle') {
      // The first outcome of a generation is the one that counts.
      if (hasOutcome(call) || verdict.outcome === undefined) return 'superseded';
      pool.storeOutcome(call, verdict.outcome);
    } else if (verdict.kind === 'finish' || verdict.kind === 'reject') pool.end(call);
    else move(call, verdict);
    return 'done';
  };

  const refillOf = (by: Taker, refill: Refill): TakenCall | undefined => {
    if (refill === false) return undefined;
    promote(by.release);
    const next = takeNext(by);
    if (next === undefined && typeof refill === 'string') free.set(refill, by.runnerId);
    return next;
  };

  return {
    accept: async (accepted) => accepted.map(acceptOne),
    async take(by, { plain, offer, offered }) {
      promote(by.release);
      const taken: TakenCall[] = [];
      const fill = (): boolean => {
        const call = takeNext(by);
        if (call !== undefined) taken.push(call);
        return call !== undefined;
      };
      for (let left = plain; left > 0 && fill(); left -= 1);
      const gone = offered.filter((number) => free.get(number) !== by.runnerId);
      const filled = [...offered, ...offer].filter((number) => !gone.includes(number) && fill());
      for (const number of filled) free.delete(number);
      for (const number of offer) if (!filled.includes(number)) free.set(number, by.runnerId);
      const dueAt = line.firstDueAt();
      return {
        dueInMs: dueAt === undefined || dueAt === Number.POSITIVE_INFINITY ? undefined : Math.max(0, dueAt - now()),
        calls: taken,
        filled,
        gone,
      };
    },
    async settle(by, verdicts, refill) {
      const statuses = verdicts.map(carryOut);
      // After all of them: what goes back to the queue is not taken again before its turn.
      return statuses.map((status, at) => ({ status, next: refillOf(by, refill[at] ?? false) }));
    },
    withdraw: async ({ runnerId }, numbers) =>
      numbers.filter((number) => free.get(number) === runnerId && free.delete(number)),
    async renew(runnerId, leases) {
      const held = leases.map((lease) => ({ lease, call: get(lease.callId) }));
      const kept = held.filter(({ lease, call }) => {
        if (call?.attempt !== lease.attempt || call.generation !== lease.generation || call.hasEnded) return false;
        const place = line.placeOf(lease.callId);
        if (place === 'waiting') {
          line.remove(lease.callId);
          line.activate(lease.callId);
        }
        if (place === 'delayed') return false;
        call.runner = runnerId;
        call.lockedUntil = now() + LOCK_MS;
        return true;
      });
      return {
        lost: held.filter((each) => !kept.includes(each)).map(({ lease }) => lease.callId),
        cancelled: kept.flatMap(({ lease, call }) =>
          call?.cancelReason === undefined ? [] : [{ callId: lease.callId, reason: call.cancelReason }],
        ),
      };
    },
    heldBy: async (runnerId) =>
      [...line.active].flatMap((callId) => {
        const call = calls.get(callId);
        return call?.runner === runnerId ? [{ callId, attempt: call.attempt }] : [];
      }),
    async putBack(runnerId, pickUps) {
      return pickUps.flatMap(({ callId, attempt }) => {
        const call = calls.get(callId);
        if (call?.runner !== runnerId || call.attempt !== attempt || !line.active.has(callId)) return [];
        line.remove(callId);
        call.runner = undefined;
        call.handedBack += 1;
        enqueue(call, true);
        return [callId];
      });
    },
    cancelReason: async (id) => get(id)?.cancelReason,
    largeArgs: async (id, most) => Buffer.from(get(id)?.args ?? []).subarray(0, most + 1),
    async reportProgress(callId, note, ttlMs) {
      notes.set(callId, { note: Buffer.from(note), until: now() + ttlMs });
      later(() => {
        if ((notes.get(callId)?.until ?? 0) <= now()) notes.delete(callId);
      }, ttlMs);
      options.onProgress?.(callId, note);
    },
    async reportReady(id, note) {
      const call = get(id);
      if (call !== undefined) call.ready = Uint8Array.from(note);
    },

    async lookUp(id, waiter) {
      const call = get(id);
      const outcome = outcomes.get(id);
      if (outcome !== undefined && (call === undefined || outcome.generation === call.generation))
        return outcomes.lookUp(id, outcome, waiter);
      if (call === undefined || call.hasEnded) return { state: 'missing' };
      addWaiter(call, waiter);
      const bounded = call.accepted.queueTimeoutMs > 0 || call.deadlineAt > 0;
      return { state: 'pending', generation: call.generation, bounded };
    },
    body: async (id) => outcomes.body(id),
    head: async (id) => outcomes.get(id)?.head,
    async acknowledge(waiter, by, deliveries) {
      for (const delivery of deliveries) outcomes.acknowledge(waiter, by, delivery);
    },
    async end(id, { generation, cancelReason, ...outcome }) {
      const call = get(id);
      if (call === undefined) return 'missing';
      if (call.hasEnded || hasOutcome(call) || (generation !== 0 && generation !== call.generation)) return 'finished';
      if (line.placeOf(id) !== 'active') {
        if (call.runner !== undefined) noteAttempt(call, 'its runner was lost', now());
        pool.storeOutcome(call, outcome);
        return 'settled';
      }
      if (cancelReason !== undefined && cancelReason !== '') {
        call.cancelReason = cancelReason;
        options.onCancel?.(id, cancelReason);
      }
      return 'active';
    },
    async retry(id) {
      const call = get(id);
      if (call === undefined) return 'unknown';
      if (!call.hasEnded || outcomes.get(id)?.head.ok !== false) return 'not-failed';
      renewCall(call, now());
      const { queueTimeoutMs } = call.accepted;
      if (queueTimeoutMs > 0) pool.bound(id, now() + queueTimeoutMs);
      enqueue(call, false);
      return 'retried';
    },
    see: pool.inspect,
    inspect: async (id) => pool.inspect(id),
    progress: async (id) => {
      const kept = notes.get(id);
      return kept === undefined || kept.until <= now() ? undefined : kept.note;
    },
    readiness: async (id) => {
      const ready = get(id)?.ready;
      return ready === undefined ? undefined : Buffer.from(ready);
    },
    async remove(id) {
      const call = get(id);
      if (call === undefined || line.active.has(id)) return;
      const { waiters, generation } = call;
      const isOver = hasOutcome(call);
      pool.end(call);
      pool.forget(call);
      if (!isOver) pool.tell(waiters, { callId: id, generation, head: undefined, body: undefined, awaited: false });
    },

    promote: async () => promote(),
    reclaim: async () => pool.takeBack((call) => call.lockedUntil <= now()),
    release: async (runnerId) => pool.takeBack((call) => call.runner === runnerId),
    overdue: async (most) =>
      [...overdue]
        .filter(([, at]) => at <= now())
        .sort(([, a], [, b]) => a - b)
        .slice(0, most)
        .map(([id]) => id),
    async setOverdue(id, at) {
      if (at === undefined) overdue.delete(id);
      else if (overdue.has(id)) pool.bound(id, at);
    },
  };
};
