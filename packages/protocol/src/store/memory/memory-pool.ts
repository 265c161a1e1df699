/** The calls of a pool in this process, where they stand, and the moves of which every step is made. */
import type { CallInspection } from '../../inspection.ts';
import type { OutcomeHead } from '../../verdict.ts';
import type { TakenBack, TakenCall, Taker, Verdict } from '../call-store.ts';
import type { Handed } from '../hand-over.ts';
import { LOCK_MS } from '../lock.ts';
import { type MemoryCall, pickUp, toTaken } from './memory-call.ts';
import { inspectMemoryCall } from './memory-inspection.ts';
import { createMemoryLimits, type MemoryLimits } from './memory-limits.ts';
import { createMemoryLine, type MemoryLine } from './memory-line.ts';
import { createMemoryOutcomes, type MemoryOutcomes, type ToldOutcome } from './memory-outcomes.ts';
import { createMemoryParking, type MemoryParking } from './memory-parking.ts';

export interface MemoryStoreOptions {
  /** Epoch ms. */
  readonly now: () => number;
  /** Calls back after so many ms, and keeps no process alive for it. */
  readonly later?: (fn: () => void, ms: number) => void;
  /** How long a runner's lock on a call holds; LOCK_MS unless set. */
  readonly lockMs?: number;
  /** Runners that could take a call; they do not register here. */
  readonly runners?: () => number;
  /** A call has come to its end, or was removed, and this waiter is told. */
  readonly onTold?: (waiter: string, told: ToldOutcome) => void;
  /** There is something to pick up, or will be when a delay is over. */
  readonly onWork?: () => void;
  /** A call that runs is to be stopped. */
  readonly onCancel?: (callId: string, reason: string) => void;
  readonly onProgress?: (callId: string, note: Uint8Array) => void;
  /** Waiting has to be looked at in so many ms. */
  readonly onBound?: (inMs: number) => void;
  /** A generation has its outcome. */
  readonly onEnded?: (callId: string, generation: number, head: OutcomeHead) => void;
  /** Nothing is known of a call any more. */
  readonly onForgotten?: (callId: string) => void;
  /** A call for a slot on offer. @returns whether the runner is there to hear it */
  readonly onHanded?: (runnerId: string, handed: Handed) => boolean;
}

export interface MemoryPool {
  readonly calls: ReadonlyMap<string, MemoryCall>;
  readonly line: MemoryLine;
  readonly outcomes: MemoryOutcomes;
  readonly parking: MemoryParking;
  /** When waiting has to be looked at, by id; epoch ms. */
  readonly overdue: Map<string, number>;
  /** A call that ended and whose outcome has run out is forgotten with it. */
  get(id: string): MemoryCall | undefined;
  add(call: MemoryCall): void;
  forget(call: MemoryCall): void;
  hasOutcome(call: MemoryCall): boolean;
  /** Its waiting is to be looked at, epoch ms. */
  bound(id: string, at: number): void;
  /** A new period of waiting begins. */
  enqueue(call: MemoryCall, atHead: boolean): void;
  delay(call: MemoryCall, ms: number): void;
  /** A runner has it from now on. */
  begin(call: MemoryCall, runnerId: string): void;
  /** Its generation is over, with or without an outcome. */
  end(call: MemoryCall): void;
  storeOutcome(call: MemoryCall, outcome: NonNullable<Verdict['outcome']>): void;
  tell(waiters: readonly string[], told: ToldOutcome): void;
  /** Delayed calls that are due, and one that waits for a runner of this release, come to the queue. @returns how many were due */
  promote(release?: string): number;
  takeNext(by: Taker): TakenCall | undefined;
  /** Running calls go back to the head of the queue, and keep the name of their runner. */
  takeBack(which: (call: MemoryCall) => boolean): readonly TakenBack[];
  inspect(id: string): CallInspection;
}

export const createMemoryPool = (options: MemoryStoreOptions): MemoryPool => {
  const { now, later = () => undefined, runners = () => 1, lockMs = LOCK_MS } = options;
  const calls = new Map<string, MemoryCall>();
  const line = createMemoryLine();
  const parking = createMemoryParking();
  const limits = createMemoryLimits(now);
  const overdue = new Map<string, number>();
  let lastStartAt = 0;

  /** What has run out is not seen any more; it is let go a moment later, so that no memory is kept for it. */
  const outcomes = createMemoryOutcomes(now, (id, until) =>
    later(
      () => {
        if (outcomes.get(id) === undefined && calls.get(id)?.hasEnded !== false) forget(id);
      },
      Math.max(1, until - now()),
    ),
  );

  const hasOutcome = (call: MemoryCall): boolean => outcomes.get(call.accepted.id)?.generation === call.generation;
  const work = (): void => options.onWork?.();

  /** A call that ended and whose outcome has run out is forgotten with it. */
  const get = (id: string): MemoryCall | undefined => {
    const call = calls.get(id);
    if (call?.hasEnded !== true || outcomes.get(id) !== undefined) return call;
    forget(id);
    return undefined;
  };

  const forget = (id: string): void => {
    calls.delete(id);
    options.onForgotten?.(id);
  };

  const tell = (waiters: readonly string[], told: ToldOutcome): void => {
    for (const waiter of waiters) options.onTold?.(waiter, told);
  };

  const bound = (id: string, at: number): void => {
    overdue.set(id, at);
    options.onBound?.(Math.max(0, at - now()));
  };

  /** Its places go to those that are held for them, at the head of the queue; no new period of waiting begins. */
  const leaveLimits = (call: MemoryCall): void => {
    const admitted = limits.leave(call);
    for (const { accepted } of [...admitted].reverse()) {
      line.remove(accepted.id);
      line.enqueue(accepted.id, accepted.priority, true);
    }
    armLimits(call);
    if (admitted.length > 0) work();
  };

  /** Who waits for a token is due when it comes. */
  const armLimits = (call: MemoryCall): void => {
    for (const { call: next, at } of limits.due(call)) {
      if (line.placeOf(next.accepted.id) !== 'delayed') continue;
      line.remove(next.accepted.id);
      line.delay(next.accepted.id, at);
      work();
    }
  };

  const enqueue = (call: MemoryCall, atHead: boolean): void => {
    call.since = now();
    line.enqueue(call.accepted.id, call.accepted.priority, atHead);
    work();
  };

  const delay = (call: MemoryCall, ms: number): void => {
    // What rests holds nobody up.
    leaveLimits(call);
    line.delay(call.accepted.id, now() + ms);
    work();
  };

  const begin = (call: MemoryCall, runnerId: string): void => {
    pickUp(call, runnerId, now(), lockMs);
    lastStartAt = now();
    parking.leave(call);
  };

  const promote = (release?: string): number => {
    const unparked = release === undefined ? undefined : parking.takeFor(release, calls);
    if (unparked !== undefined) {
      line.remove(unparked);
      line.enqueue(unparked, calls.get(unparked)?.accepted.priority ?? 0, true);
    }
    const due = line.dueBy(now());
    for (const id of due) {
      line.remove(id);
      line.enqueue(id, calls.get(id)?.accepted.priority ?? 0, false);
    }
    return due.length;
  };

  const takeNext = ({ runnerId }: Taker): TakenCall | undefined => {
    const askedAt = performance.now();
    for (let id = line.next(); id !== undefined; id = line.next()) {
      const call = calls.get(id);
      if (call !== undefined && limits.enter(call)) {
        begin(call, runnerId);
        armLimits(call);
        return toTaken(call, now(), hasOutcome(call), askedAt);
      }
      line.remove(id);
      if (call === undefined) continue;
      // It is held, and never due unless it is the next to get a token.
      line.delay(id, Number.POSITIVE_INFINITY);
      armLimits(call);
    }
    return undefined;
  };

  const end = (call: MemoryCall): void => {
    line.remove(call.accepted.id);
    call.hasEnded = true;
    call.runner = undefined;
    call.cancelReason = undefined;
    overdue.delete(call.accepted.id);
    parking.leave(call);
    leaveLimits(call);
  };

  const storeOutcome = (call: MemoryCall, { head, body }: NonNullable<Verdict['outcome']>): void => {
    const told = outcomes.store(call, head, body);
    const { waiters } = call;
    end(call);
    if (head.ok) call.args = undefined;
    options.onEnded?.(call.accepted.id, call.generation, head);
    tell(waiters, told);
  };

  const takeBack = (which: (call: MemoryCall) => boolean): readonly TakenBack[] => {
    const back = [...line.active].map((id) => calls.get(id)).filter((call) => call !== undefined && which(call));
    return (back as readonly MemoryCall[]).map((call) => {
      line.remove(call.accepted.id);
      enqueue(call, true);
      return { callId: call.accepted.id, failOnLoss: call.accepted.failOnLoss };
    });
  };

  const limitOf = (id: string): ReturnType<MemoryLimits['heldBy']> => {
    const call = get(id);
    return call === undefined ? undefined : limits.heldBy(call);
  };

  const inspect = (id: string): CallInspection =>
    inspectMemoryCall(get(id), {
      id,
      now: now(),
      line,
      outcome: outcomes.get(id),
      limit: limitOf(id),
      lastStartAt,
      runners: runners(),
      liveActive: [...line.active].filter((other) => (calls.get(other)?.lockedUntil ?? 0) > now()).length,
    });

  return {
    calls,
    line,
    outcomes,
    parking,
    overdue,
    get,
    add: (call) => void calls.set(call.accepted.id, call),
    forget: (call) => forget(call.accepted.id),
    bound,
    hasOutcome,
    enqueue,
    delay,
    begin,
    end,
    storeOutcome,
    tell,
    promote,
    takeNext,
    takeBack,
    inspect,
  };
};
