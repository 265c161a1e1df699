/** Counts an attempt's execution in inline mode: it stands still while the function waits for its reader. */
import type { LongTimeout } from '@flamejs/protocol/duration';
import { inlineHooks } from './inline-hooks.ts';

export interface AttemptClock {
  go(): void;
  stop(): void;
}

/** @returns a clock that stands still @param onOver told when it has gone for `timeoutMs` in all */
export const createAttemptClock = (timeoutMs: number, onOver: () => void): AttemptClock => {
  let leftMs = timeoutMs;
  let since = 0;
  let timer: LongTimeout | undefined;
  return {
    go() {
      since = inlineHooks().now();
      timer ??= inlineHooks().timer(onOver, leftMs);
    },
    stop() {
      if (timer === undefined) return;
      timer.clear();
      timer = undefined;
      leftMs = Math.max(0, leftMs - (inlineHooks().now() - since));
    },
  };
};
