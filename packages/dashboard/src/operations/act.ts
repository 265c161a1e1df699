/** What operators do: through the same scripts as the facade, so that callers who wait learn of it. */

import {
  cancelCall,
  createRedisStore,
  createRetries,
  type LimitChange,
  type OrderResult,
  orderRunner,
  type RetryResult,
  type RunnerOrder,
  redisNow,
  setLimit,
} from '@flamejs/protocol';
import type { CancelResult } from '@flamejs/queue';
import type { Link } from './link.ts';
import type { Queues } from './queues.ts';
import type { Change, Tuning } from './tune.ts';
import type { TuningView } from './types.ts';

/** Who orders something and why, for the record. */
export interface Why {
  readonly by?: string;
  readonly reason?: string;
}

/** Each is written down with whoever did it, `by`, in the pool's audit. */
export interface Actions {
  /** Runs a failed call again as a new generation. */
  retry(pool: string, id: string, by?: string): Promise<RetryResult>;
  /** @returns how many failed calls of the pool, or of one of its functions, were retried */
  retryFailed(pool: string, functionName?: string, by?: string): Promise<number>;
  cancel(pool: string, id: string, reason: string, by?: string): Promise<CancelResult>;
  /** Stops calls from starting; those that run go on. */
  pause(pool: string, by?: string): Promise<void>;
  resume(pool: string, by?: string): Promise<void>;
  /**
   * Lets a runner end its calls, take no more, and end; what it has after `withinMs` is ended with it. A managed pool gets
   * another when it needs one.
   */
  drain(pool: string, runnerId: string, why?: Why & { readonly withinMs?: number }): Promise<OrderResult>;
  /** Ends a runner's machine at once. What it executes runs again elsewhere, as after any loss. */
  terminate(pool: string, runnerId: string, why?: Why): Promise<OrderResult>;
  /** Keeps the autoscaler from ending a runner, for so long. Only another order ends it earlier. */
  protect(pool: string, runnerId: string, forMs: number, why?: Why): Promise<OrderResult>;
  unprotect(pool: string, runnerId: string, why?: Why): Promise<OrderResult>;
  /**
   * Changes live settings of a pool (a `SettingsChange`); they are in force within a tick.
   * @throws FlameConfigError that names what is wrong; nothing has changed then
   */
  tune(pool: string, change: Change, by?: string): Promise<TuningView>;
  /** Sets how many calls of a limit, or of one of its keys, may have begun. @throws FlameConfigError */
  limit(pool: string, change: LimitChange, by?: string): Promise<void>;
  /** Wakes the autoscaler. */
  kick(pool: string): void;
}

const CANCELLED = { settled: 'cancelled', active: 'stopping', finished: 'finished', missing: 'unknown' } as const;

/** @param name who acts, where nobody says more: `dashboard`, `cli` */
export const createActions = (link: Link, queues: Queues, tuning: Tuning, name: string): Actions => {
  const { client, vault } = link;
  const kick = (pool: string): void => {
    // A hint only: the autoscaler's tick comes anyway.
    client.publish(link.app.kick, pool).catch(() => undefined);
  };
  const order = (pool: string, runnerId: string, what: RunnerOrder, { by, reason }: Why = {}): Promise<OrderResult> =>
    orderRunner(client, { app: link.app, pool: link.keys(pool) }, runnerId, {
      ...what,
      by: by ?? name,
      reason: reason ?? 'an operator wants it',
    });
  return {
    kick,
    async retry(pool, id) {
      const result = await createRetries(client, link.keys(pool)).retry(id);
      if (result === 'retried') kick(pool);
      return result;
    },
    async retryFailed(pool, functionName) {
      const filter = functionName === undefined ? {} : { functionName };
      const retried = await createRetries(client, link.keys(pool)).retryAll(filter);
      if (retried > 0) kick(pool);
      return retried;
    },
    async cancel(pool, id, reason) {
      return CANCELLED[await cancelCall(createRedisStore(client, link.keys(pool)), id, reason, vault)];
    },
    pause: (pool) => queues.of(pool).pause(),
    async resume(pool) {
      await queues.of(pool).resume();
      kick(pool);
    },
    drain: (pool, runnerId, { withinMs = null, ...why } = {}) =>
      order(pool, runnerId, { action: 'drain', withinMs }, { reason: 'an operator drains it', ...why }),
    terminate: (pool, runnerId, why) => order(pool, runnerId, { action: 'terminate' }, why),
    async protect(pool, runnerId, forMs, why) {
      const until = (await redisNow(client)) + Math.round(forMs);
      return order(pool, runnerId, { action: 'protect', until }, why);
    },
    unprotect: (pool, runnerId, why) => order(pool, runnerId, { action: 'unprotect' }, why),
    limit: (pool, change, by = name) => setLimit(client, link.keys(pool), change, by),
    async tune(pool, change, by = name) {
      const view = await tuning.change(pool, change, by);
      kick(pool);
      return view;
    },
  };
};
