/** What a runner hears from outside: calls to stop, a drain, releases that are waited for, and calls that are handed over. */
import type { CallStore, Handed, PoolKeys } from '@flamejs/protocol';
import type { CallLoop } from './call-loop.ts';
import { type Control, listenToControl } from './control.ts';
import type { HeldCalls } from './held-call.ts';

export interface Hearing {
  readonly subscriber: Parameters<typeof listenToControl>[0];
  readonly store: CallStore;
  readonly keys: PoolKeys;
  readonly runnerId: string;
  readonly release: string;
  readonly calls: HeldCalls;
  readonly loop: CallLoop;
  /** Redis' time, as far as it is known here, ms. */
  readonly redisNow: () => number;
  /** Items of a call that is held here were read. */
  readonly onRead: (callId: string) => void;
  /** There may be an order for this runner. */
  readonly onDrain: () => void;
}

/** What is handed over says when; more than that from Redis' clock is not believed. */
const CLOCK_DOUBT_MS = 60_000;

export const hearOrders = (options: Hearing): Promise<Control> => {
  const { subscriber, store, keys, runnerId, release, calls, loop, redisNow, onDrain, onRead } = options;

  /** Its time decides how long its signature is good for, and whoever can publish may write any. */
  const isOfNow = ({ call }: Handed): boolean => Math.abs((call.pickUp?.at ?? 0) - redisNow()) < CLOCK_DOUBT_MS;

  /** Whoever can publish may write anything: what counts is what stands with the call. */
  const lookForCancel = async (callId: string): Promise<void> => {
    const call = calls.get(callId);
    if (call === undefined) return;
    const reason = await store.cancelReason(callId).catch(() => undefined);
    if (reason !== undefined) call.stop({ kind: 'cancel', reason });
  };

  return listenToControl(subscriber, keys, runnerId, {
    onCancel: (callId) => void lookForCancel(callId),
    onDrain,
    onRead,
    onParked: ({ release: wanted, found, why }) => {
      if (wanted === release || (why !== 'strict' && found !== release)) loop.lookNow();
    },
    onHanded: (handed) => loop.handedOver(isOfNow(handed) ? handed : { ...handed, number: '' }),
    onGap: loop.offerAnew,
  });
};
