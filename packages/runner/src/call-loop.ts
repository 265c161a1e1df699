/**
 * Feeds a runner's slots: takes calls for those that are free, runs them, and settles what has ended. Whatever ends in one turn of
 * the event loop is settled by one script, which also brings what comes next for the same slots. Slots for which there is nothing are
 * offered to whoever makes a call.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CallStore,
  type Handed,
  type Refill,
  STALLED_CHECK_MS,
  type TakenCall,
  type Taker,
  type Verdict,
} from '@flamejs/protocol';
import { createOffers } from './offers.ts';
import { createVerdictBatch } from './verdict-batch.ts';
import type { WorkSignal } from './work-signal.ts';

const RETRY_MS = 250;
/** An idle runner looks by itself so often, should nobody have woken it. */
const LOOK_EVERY_MS = 5_000;

export interface CallLoopOptions {
  readonly store: CallStore;
  readonly taker: Taker;
  /** Most calls at once. */
  readonly slots: number;
  readonly signal: WorkSignal;
  /** Runs a call to its verdict; `undefined` when it is somebody else's by now. Never rejects. */
  readonly process: (call: TakenCall) => Promise<Verdict | undefined>;
  /** Takes calls back whose runners are gone. */
  readonly recoverStalled: () => Promise<unknown>;
  /** Whether calls can be handed over to this runner. */
  readonly canOffer: () => boolean;
  /** Puts calls back that this runner has picked up or been given, and never heard of. */
  readonly putBackStrays: () => Promise<void>;
  readonly onError: (error: Error) => void;
}

/** Why nothing is fetched: it drains, has had its only call, lets a suspected call run alone, or hears of no autoscaler. */
export type HoldReason = 'drain' | 'single-use' | 'solo' | 'silence';

export interface CallLoop {
  start(): void;
  /** From here on nothing is fetched. What had been asked for before may still arrive, and is processed. */
  hold(reason: HoldReason): void;
  /** Fetches again when nobody else holds it. */
  release(reason: HoldReason): void;
  isHeld(reason: HoldReason): boolean;
  /** From here on so many calls at once are fetched, if that is more than before; begins at one. */
  widen(width: number): void;
  /** Looks for calls that nobody announces. */
  lookNow(): void;
  /** A call that was handed over as it was accepted. One under a number that is not on offer begins nothing. */
  handedOver(handed: Handed): void;
  /** What was on its way may be lost: takes all offers back, and offers anew. */
  offerAnew(): void;
  /** Whether this runner has the call: picked up, and neither settled nor handed back. */
  has(callId: string, attempt?: number): boolean;
  /** Resolves when nothing is in hand and nothing on its way; at once when it never started. */
  whenStill(): Promise<void>;
  /** Waits for nothing. */
  close(): void;
}

export const createCallLoop = (options: CallLoopOptions): CallLoop => {
  const { store, taker, slots, signal, process, recoverStalled, canOffer, putBackStrays, onError } = options;
  const holds = new Set<HoldReason>();
  const inHand = new Map<string, number>();
  let width = 1;
  /** Calls that run, or wait for their settling to be sent. */
  let busy = 0;
  /** Slots that a script under way decides about. */
  let asked = 0;
  let settling = 0;
  let mustLook = true;
  let dueAt = Number.POSITIVE_INFINITY;
  let running = false;
  let closed = false;
  let wakeUp = (): void => undefined;
  const stillWaiters: (() => void)[] = [];
  let stalledTimer: NodeJS.Timeout | undefined;

  const isFetching = (): boolean => running && holds.size === 0 && !closed;
  /** Slots for which nothing is on its way, those on offer left out. */
  const room = (): number => (isFetching() ? width - busy - asked - offers.size : 0);
  /** Slots that can take a call. */
  const free = (): number => (isFetching() ? room() + offers.open.length : 0);

  const offers = createOffers(() => {
    void putBackStrays();
    changed();
    lookNow();
  });

  const changed = (): void => {
    wakeUp();
    if (busy + asked + settling + offers.size > 0) return;
    for (const resolve of stillWaiters.splice(0)) resolve();
  };

  const begin = (call: TakenCall): void => {
    busy += 1;
    inHand.set(call.callId, call.attempt);
    void run(call);
  };

  const run = async (call: TakenCall): Promise<void> => {
    const verdict = await process(call);
    if (verdict === undefined) {
      letGo(call.callId, call.attempt);
      busy -= 1;
      changed();
    } else batch.add(verdict);
  };

  const letGo = (callId: string, attempt: number): void => {
    if (inHand.get(callId) === attempt) inHand.delete(callId);
  };

  const batch = createVerdictBatch({
    isClosed: () => closed,
    onError,
    async settle(verdicts) {
      busy -= verdicts.length;
      settling += verdicts.length;
      const refill = verdicts.map((): Refill => {
        if (room() <= 0) return false;
        asked += 1;
        return canOffer() ? offers.ask() : true;
      });
      let settled: Awaited<ReturnType<CallStore['settle']>> = [];
      try {
        settled = await store.settle(taker, verdicts, refill);
        for (const { callId, attempt } of verdicts) letGo(callId, attempt);
        for (const { next } of settled) if (next !== undefined) begin(next);
        return settled.map(({ status }) => status);
      } finally {
        for (const [at, number] of refill.entries()) {
          if (typeof number !== 'string') continue;
          if (settled[at]?.next === undefined) offers.opened(number);
          else offers.close(number);
        }
        asked -= refill.filter(Boolean).length;
        settling -= verdicts.length;
        // Whether the slots were offered is not known.
        if (settled.length === 0) lookNow();
        if (!isFetching()) void withdraw();
        changed();
      }
    },
    /** It is tried again: until then its slot is taken. */
    onDelayed(verdict) {
      busy += 1;
      inHand.set(verdict.callId, verdict.attempt);
    },
    onDropped({ callId, attempt }, delayed) {
      letGo(callId, attempt);
      if (delayed) busy -= 1;
      changed();
    },
  });

  const look = async (): Promise<void> => {
    if (free() <= 0) return;
    const wanted = Math.max(0, room());
    const offered = offers.open;
    const offer = Array.from({ length: canOffer() ? wanted : 0 }, () => offers.ask());
    mustLook = false;
    asked += wanted;
    try {
      const taken = await store.take(taker, { plain: wanted - offer.length, offer, offered });
      dueAt = taken.dueInMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + taken.dueInMs;
      for (const number of taken.filled) offers.close(number);
      for (const number of taken.gone) offers.gone(number);
      for (const call of taken.calls) begin(call);
    } finally {
      for (const number of offer) offers.opened(number);
      asked -= wanted;
      if (!isFetching()) void withdraw();
      changed();
    }
  };

  /** Nothing is handed over any more, but for what is on its way. */
  const withdraw = async (): Promise<void> => {
    const numbers = offers.open;
    if (numbers.length === 0 || closed) return;
    try {
      for (const number of await store.withdraw(taker, numbers)) offers.close(number);
      for (const number of offers.open) if (numbers.includes(number)) offers.gone(number);
    } catch (error) {
      if (closed) return;
      onError(error as Error);
      await sleep(RETRY_MS);
      if (!isFetching()) await withdraw();
    }
    changed();
  };

  /** As long as there is room: looks when it is told to, when something is due, and now and then. */
  const watch = async (): Promise<void> => {
    while (!closed) {
      try {
        if (free() <= 0) {
          await new Promise<void>((resolve) => {
            wakeUp = resolve;
          });
          continue;
        }
        if (!mustLook) {
          const woken = await signal.wait(Math.min(LOOK_EVERY_MS, Math.max(10, dueAt - performance.now())));
          if (free() <= 0) {
            // For somebody who has room.
            if (woken) signal.passOn();
            continue;
          }
        }
        await look();
      } catch (error) {
        if (closed) return;
        onError(error as Error);
        mustLook = true;
        await sleep(RETRY_MS);
      }
    }
  };

  const lookNow = (): void => {
    mustLook = true;
    signal.interrupt();
    wakeUp();
  };

  const checkStalled = (): void => {
    recoverStalled().catch(onError);
  };

  return {
    start() {
      if (running) return;
      running = true;
      stalledTimer = setInterval(checkStalled, STALLED_CHECK_MS);
      checkStalled();
      void watch();
    },
    hold(reason) {
      holds.add(reason);
      signal.interrupt();
      void withdraw();
    },
    release(reason) {
      if (holds.delete(reason) && holds.size === 0) lookNow();
    },
    isHeld: (reason) => holds.has(reason),
    widen(to) {
      const wider = Math.min(to, slots);
      if (wider <= width) return;
      width = wider;
      lookNow();
    },
    lookNow() {
      if (holds.size === 0) lookNow();
    },
    handedOver({ number, call }) {
      if (closed) return;
      if (offers.use(number)) begin(call);
      // Repeated or forged, or of an offer that was given up: if Redis has given it to this runner, nobody else has it.
      else void putBackStrays();
    },
    offerAnew: () => void withdraw().then(lookNow),
    has: (callId, attempt) => (attempt === undefined ? inHand.has(callId) : inHand.get(callId) === attempt),
    whenStill: () =>
      new Promise((resolve) => {
        stillWaiters.push(resolve);
        changed();
      }),
    close() {
      closed = true;
      clearInterval(stalledTimer);
      offers.stop();
      signal.interrupt();
      changed();
    },
  };
};
