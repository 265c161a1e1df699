/**
 * The table of calls that this process awaits. It knows nothing of Redis: outcomes come in, promises settle, once each.
 * Late, repeated and unknown outcomes change nothing (F16).
 */
import type { Outcome } from '@flamejs/protocol/outcome';
import { type KeepAlive, noKeepAlive } from './keep-alive.ts';

export interface Settler {
  /** @returns `false` when it could not read the value */
  resolve(outcome: Outcome): unknown;
  reject(error: unknown): void;
  /** Its wait is no reason for a process to stay alive. */
  readonly isBackground?: boolean;
}

export interface Awaited {
  readonly callId: string;
  readonly pool: string;
  /** Outcomes of earlier generations are not for us. 0 until it is known. */
  generation: number;
  /** Those who have a right to the outcome. Few, nearly always one. */
  settlers: readonly Settler[];
  /** Those whose own call Redis has not accepted yet: it may be refused, so no outcome of this id settles them. */
  asking: readonly Settler[];
  /** Monotonic ms. */
  readonly since: number;
  /** The same on the sweep's clock, which stands while this process sleeps; `undefined` before its first look. */
  watchedFrom: number | undefined;
  /** Monotonic ms of the next look at the stored outcome; `Infinity` as long as nobody's call has been accepted. */
  lookAt: number;
  /** How long to wait after the next look. Doubles, so that thousands of long calls do not cost a query a second each. */
  lookEveryMs: number;
  /** The default bound of `flame.call`: reject when the pool has stood still for so long. `undefined` turns it off. */
  stillLimitMs: number | undefined;
  /** The call has a queueTimeout or a deadline of its own, whoever gave it one. */
  bounded: boolean;
  /** Monotonic ms at which a call that Redis has lost may be made again; `undefined` as long as it is not lost. */
  remakeAt: number | undefined;
}

export interface Waiting {
  readonly stillLimitMs?: number | undefined;
  readonly bounded?: boolean;
  /** Its call may be refused: it gets no outcome before `accepted`. */
  readonly asking?: boolean;
}

export const FIRST_LOOK_MS = 2_000;
const SLOWEST_LOOK_MS = 30_000;

export interface PendingCalls {
  readonly size: number;
  /** Calls of one pool. */
  count(pool: string): number;
  add(callId: string, pool: string, settler: Settler, how?: Waiting): Awaited;
  /** Redis has accepted the call of this waiter. */
  accepted(callId: string, settler: Settler): void;
  /** Forgets one waiter, without settling it. */
  remove(callId: string, settler: Settler): void;
  get(callId: string): Awaited | undefined;
  /** @returns whether anybody was told, and all of them could read it */
  settle(callId: string, outcome: Outcome): boolean;
  fail(callId: string, error: unknown): void;
  failAll(makeError: (callId: string) => unknown): void;
  values(): IterableIterator<Awaited>;
}

/** @param alive held for each waiter, but for those in the background */
export const createPendingCalls = (alive: KeepAlive = noKeepAlive): PendingCalls => {
  const table = new Map<string, Awaited>();
  const perPool = new Map<string, number>();

  const drop = (entry: Awaited): void => {
    if (table.delete(entry.callId)) perPool.set(entry.pool, (perPool.get(entry.pool) ?? 1) - 1);
  };

  const letGo = (settlers: readonly Settler[]): void => {
    for (const settler of settlers) if (!settler.isBackground) alive.release();
  };

  /** @returns those who are to be told. Whoever still asks stays: their own acceptance begins another wait. */
  const release = (entry: Awaited): readonly Settler[] => {
    const { settlers } = entry;
    letGo(settlers);
    if (entry.asking.length === 0) drop(entry);
    else Object.assign(entry, { settlers: NOBODY, generation: 0, lookAt: Number.POSITIVE_INFINITY });
    return settlers;
  };

  return {
    get size() {
      return table.size;
    },
    count: (pool) => perPool.get(pool) ?? 0,
    add(callId, pool, settler, how = {}) {
      let entry = table.get(callId);
      if (entry === undefined) {
        entry = newEntry(callId, pool);
        table.set(callId, entry);
        perPool.set(pool, (perPool.get(pool) ?? 0) + 1);
      }
      if (!settler.isBackground) alive.hold();
      if (how.asking) entry.asking = [...entry.asking, settler];
      else entry.settlers = [...entry.settlers, settler];
      entry.bounded ||= how.bounded ?? false;
      entry.stillLimitMs = smaller(entry.stillLimitMs, how.stillLimitMs);
      return entry;
    },
    accepted(callId, settler) {
      const entry = table.get(callId);
      if (entry?.asking.includes(settler) !== true) return;
      entry.asking = entry.asking.filter((other) => other !== settler);
      entry.settlers = [...entry.settlers, settler];
    },
    remove(callId, settler) {
      const entry = table.get(callId);
      if (entry === undefined || !(entry.settlers.includes(settler) || entry.asking.includes(settler))) return;
      letGo([settler]);
      entry.asking = entry.asking.filter((other) => other !== settler);
      entry.settlers = entry.settlers.filter((other) => other !== settler);
      if (entry.settlers.length + entry.asking.length === 0) drop(entry);
    },
    get: (callId) => table.get(callId),
    settle(callId, outcome) {
      const entry = table.get(callId);
      if (entry === undefined || outcome.generation < entry.generation) return false;
      const told = release(entry).map((settler) => settler.resolve(outcome) !== false);
      return told.length > 0 && told.every(Boolean);
    },
    fail(callId, error) {
      const entry = table.get(callId);
      if (entry === undefined) return;
      for (const settler of release(entry)) settler.reject(error);
    },
    failAll(makeError) {
      for (const entry of [...table.values()]) {
        drop(entry);
        letGo(entry.settlers);
        letGo(entry.asking);
        for (const settler of [...entry.settlers, ...entry.asking]) settler.reject(makeError(entry.callId));
      }
    },
    values: () => table.values(),
  };
};

const newEntry = (callId: string, pool: string): Awaited => ({
  callId,
  pool,
  generation: 0,
  settlers: NOBODY,
  asking: NOBODY,
  since: performance.now(),
  watchedFrom: undefined,
  lookAt: Number.POSITIVE_INFINITY,
  lookEveryMs: FIRST_LOOK_MS,
  stillLimitMs: undefined,
  bounded: false,
  remakeAt: undefined,
});

/** What a look at a call that has no outcome yet says of it. */
export const noteLook = (entry: Awaited, found: { readonly generation: number; readonly bounded: boolean }): void => {
  entry.generation = found.generation;
  entry.bounded ||= found.bounded;
};

/** The next look is further away than the last one was. */
export const backOff = (entry: Awaited, now: number): void => {
  entry.lookAt = now + entry.lookEveryMs;
  entry.lookEveryMs = Math.min(entry.lookEveryMs * 2, SLOWEST_LOOK_MS);
};

const NOBODY: readonly Settler[] = [];

const smaller = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
