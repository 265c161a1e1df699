/**
 * The table of calls that this process awaits. It knows nothing of Redis: outcomes come in, promises settle, once each.
 * Late, repeated and unknown outcomes change nothing (F16).
 */
import type { Outcome } from '../protocol/outcome.ts';

export interface Settler {
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

export interface Awaited {
  readonly callId: string;
  readonly pool: string;
  /** Outcomes of earlier generations are not for us. 0 until it is known. */
  generation: number;
  /** Few, nearly always one. */
  settlers: readonly Settler[];
  /** Monotonic ms. */
  readonly since: number;
  /** Monotonic ms of the next look at the stored outcome; `Infinity` until Redis has accepted the call. */
  lookAt: number;
  /** How long to wait after the next look. Doubles, so that thousands of long calls do not cost a query a second each. */
  lookEveryMs: number;
  /** The default bound of `flame.call`: reject when the pool has stood still for so long. `undefined` turns it off. */
  readonly stillLimitMs: number | undefined;
  /** The call has a queueTimeout or a deadline of its own. */
  readonly bounded: boolean;
}

export interface Bounds {
  readonly stillLimitMs?: number | undefined;
  readonly bounded?: boolean;
}

export const FIRST_LOOK_MS = 2_000;
export const SLOWEST_LOOK_MS = 30_000;

export interface PendingCalls {
  readonly size: number;
  /** Calls of one pool. */
  count(pool: string): number;
  add(callId: string, pool: string, settler: Settler, bounds?: Bounds): Awaited;
  /** Forgets one waiter, without settling it. */
  remove(callId: string, settler: Settler): void;
  get(callId: string): Awaited | undefined;
  settle(callId: string, outcome: Outcome): void;
  fail(callId: string, error: unknown): void;
  failAll(makeError: (callId: string) => unknown): void;
  values(): IterableIterator<Awaited>;
}

export const createPendingCalls = (): PendingCalls => {
  const table = new Map<string, Awaited>();
  const perPool = new Map<string, number>();

  const drop = (entry: Awaited): void => {
    if (table.delete(entry.callId)) perPool.set(entry.pool, (perPool.get(entry.pool) ?? 1) - 1);
  };

  return {
    get size() {
      return table.size;
    },
    count: (pool) => perPool.get(pool) ?? 0,
    add(callId, pool, settler, bounds) {
      const known = table.get(callId);
      if (known !== undefined) {
        known.settlers = [...known.settlers, settler];
        return known;
      }
      const entry: Awaited = {
        callId,
        pool,
        generation: 0,
        settlers: [settler],
        since: performance.now(),
        lookAt: Number.POSITIVE_INFINITY,
        lookEveryMs: FIRST_LOOK_MS,
        stillLimitMs: bounds?.stillLimitMs,
        bounded: bounds?.bounded ?? false,
      };
      table.set(callId, entry);
      perPool.set(pool, (perPool.get(pool) ?? 0) + 1);
      return entry;
    },
    remove(callId, settler) {
      const entry = table.get(callId);
      if (entry === undefined) return;
      entry.settlers = entry.settlers.filter((other) => other !== settler);
      if (entry.settlers.length === 0) drop(entry);
    },
    get: (callId) => table.get(callId),
    settle(callId, outcome) {
      const entry = table.get(callId);
      if (entry === undefined || outcome.generation < entry.generation) return;
      drop(entry);
      for (const settler of entry.settlers) settler.resolve(outcome);
    },
    fail(callId, error) {
      const entry = table.get(callId);
      if (entry === undefined) return;
      drop(entry);
      for (const settler of entry.settlers) settler.reject(error);
    },
    failAll(makeError) {
      for (const entry of [...table.values()]) {
        drop(entry);
        for (const settler of entry.settlers) settler.reject(makeError(entry.callId));
      }
    },
    values: () => table.values(),
  };
};
