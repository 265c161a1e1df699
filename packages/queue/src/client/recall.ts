/**
 * Takes calls back that this process has given up on: those whose acceptance was in doubt when their promise was rejected,
 * and those whose signal was aborted. Kept and repeated until Redis has answered.
 */

import { cancelCall } from '@flamejs/protocol/end-call';
import type { PoolKeys } from '@flamejs/protocol/keys';
import type { SettledWaiting } from '@flamejs/protocol/outcome';
import type { Vault } from '@flamejs/protocol/payload/vault';
import { createRedisStore } from '@flamejs/protocol/store/redis-store';
import type { Logger } from 'pino';
import type { Link } from './link.ts';

const AGAIN_MS = 1_000;
/** Bounds `close()`: what Redis has not heard of by then stays queued, as every accepted call does. */
const FLUSH_MS = 2_000;

export interface Recall {
  /** Cancels now. @returns what became of the call @throws FlameUnavailableError */
  cancel(callId: string, pool: string, reason: string): Promise<SettledWaiting>;
  /** Cancels as soon as Redis answers. Never throws. */
  add(callId: string, pool: string, reason?: string): void;
  /** Waits, for a bounded time, until everything added has been cancelled. */
  flush(): Promise<void>;
}

export const createRecall = (link: Link, keysOf: (pool: string) => PoolKeys, vault: Vault, logger: Logger): Recall => {
  const waiting = new Map<string, { pool: string; reason: string }>();
  let working: Promise<void> | undefined;

  const cancel = async (callId: string, pool: string, reason: string): Promise<SettledWaiting> => {
    const store = createRedisStore(await link.client(), keysOf(pool));
    return link.bounded(cancelCall(store, callId, reason, vault));
  };

  const work = async (): Promise<void> => {
    while (waiting.size > 0) {
      for (const [callId, { pool, reason }] of [...waiting]) {
        try {
          await cancel(callId, pool, reason);
          waiting.delete(callId);
        } catch (error) {
          logger.debug({ err: error, callId }, 'taking a call back failed; trying again');
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS).unref());
        }
      }
    }
  };

  return {
    cancel,
    add(callId, pool, reason = 'its caller gave up before Redis confirmed it') {
      waiting.set(callId, { pool, reason });
      if (working !== undefined) return;
      link.alive.hold();
      working = work().finally(() => {
        working = undefined;
        link.alive.release();
      });
    },
    async flush() {
      if (working === undefined) return;
      await Promise.race([working, new Promise((resolve) => setTimeout(resolve, FLUSH_MS))]);
    },
  };
};
