/** What runs out for a call on this runner, whatever it does: its deadline, and the rest of its waiting. */

import type { CallFacts } from '@flamejs/protocol/attempt/call-facts';
import { setLongTimeout } from '@flamejs/queue/internal';
import type { HeldCall } from './held-call.ts';

export interface Clocks {
  /** From here on it waits for an executor until this says that it has begun. */
  watch(hasBegun: () => boolean): void;
  stop(): void;
}

/**
 * The whole call's deadline, and the rest of its waiting: both go on after the pick-up. Redis' time, counted here.
 * @returns `undefined` for a call that has neither
 */
export const startClocks = ({ pickUp }: CallFacts, call: HeldCall): Clocks | undefined => {
  if (pickUp.deadlineAt <= 0 && pickUp.queueTimeoutMs <= 0) return undefined;
  const never = Number.POSITIVE_INFINITY;
  let hasBegun = (): boolean => false;
  const deadline = setLongTimeout(
    () => call.stop({ kind: 'deadline' }),
    pickUp.deadlineAt > 0 ? pickUp.deadlineAt - pickUp.at : never,
  );
  const waiting = setLongTimeout(
    () => {
      if (!hasBegun()) call.stop({ kind: 'queue-timeout' });
    },
    pickUp.queueTimeoutMs > 0 ? pickUp.queueTimeoutMs - pickUp.waitedMs : never,
  );
  return {
    watch(begun) {
      hasBegun = begun;
    },
    stop() {
      deadline.clear();
      waiting.clear();
    },
  };
};
