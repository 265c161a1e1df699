/** What goes wrong in production, in inline mode: for tests of how an application takes it. */
import { FlameUnavailableError } from '@flamejs/protocol/errors';
import type { InlineCall } from '../../client/inline-calls.ts';
import { isFlameFunction } from '../../fn.ts';
import { type AnyFlameFunction, FLAME_FUNCTION } from '../../types.ts';

/** Faults that a test can switch on. */
export interface Faults {
  /**
   * The runners of the next attempts are lost before they can say how those ended: the function runs, nobody hears of it, and it
   * runs again (`context().runnerLosses`), or the call ends with FlameRunnerLostError under `onRunnerLost: 'fail'`.
   * @param of attempts of this function alone. Default: of any
   * @param times how many runners. Default: 1
   */
  loseRunner(of?: AnyFlameFunction | string, times?: number): void;
  /** A pool has no runners, and none can be started: `call` rejects with FlameBootError, what is cast waits. @returns what repairs it */
  failBoots(pool: string, reason?: string): () => void;
  /** Redis is away: whatever is called rejects with FlameUnavailableError. @returns what brings it back */
  loseRedis(): () => void;
}

export interface FaultSwitches extends Faults {
  beforeAccept(): void;
  bootFailure(pool: string): string | undefined;
  whenBootable(pool: string, signal: AbortSignal): Promise<void>;
  losesRunner(call: InlineCall): boolean;
  reset(): void;
}

export const createFaults = (): FaultSwitches => {
  const losses: { readonly name: string | undefined; left: number }[] = [];
  const unbootable = new Map<string, string>();
  const wakers = new Set<() => void>();
  let isRedisAway = false;
  const repair = (pool: string): void => {
    unbootable.delete(pool);
    for (const wake of [...wakers]) wake();
  };
  return {
    loseRunner(of, times = 1) {
      losses.push({ name: isFlameFunction(of) ? of[FLAME_FUNCTION].name : of, left: times });
    },
    failBoots(pool, reason = 'the test lets no runner start') {
      unbootable.set(pool, reason);
      return () => repair(pool);
    },
    loseRedis() {
      isRedisAway = true;
      return () => {
        isRedisAway = false;
      };
    },
    beforeAccept() {
      if (!isRedisAway) return;
      throw new FlameUnavailableError('Redis could not be reached: the test has taken it away', { enqueued: 'no' });
    },
    bootFailure: (pool) => unbootable.get(pool),
    whenBootable: (pool, signal) =>
      new Promise((resolve) => {
        const end = (): void => {
          if (unbootable.has(pool) && !signal.aborted) return;
          wakers.delete(end);
          signal.removeEventListener('abort', end);
          resolve();
        };
        wakers.add(end);
        signal.addEventListener('abort', end, { once: true });
        end();
      }),
    losesRunner({ request }) {
      const found = losses.find(({ name, left }) => left > 0 && (name === undefined || name === request.functionName));
      if (found === undefined) return false;
      found.left -= 1;
      return true;
    },
    reset() {
      losses.length = 0;
      isRedisAway = false;
      for (const pool of [...unbootable.keys()]) repair(pool);
    },
  };
};
