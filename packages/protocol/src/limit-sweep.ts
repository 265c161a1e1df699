/** Gates of limits in Redis: reading those of a call, and looking through them for calls that are gone. */
import { type RedisClient, runScript } from './connect.ts';
import type { PoolKeys } from './keys.ts';
import { type CallLimit, declaration } from './limits.ts';

/** @returns the gates that a call needs, none for one that is under no limit, has ended or is gone */
export const readGates = async (client: RedisClient, keys: PoolKeys, callId: string): Promise<readonly string[]> => {
  const [gates, finishedOn] = await client.hmget(`${keys.queue}${callId}`, 'f:lim', 'finishedOn');
  return finishedOn ? [] : (gates ?? '').split(' ').filter(Boolean);
};

/** As `sweepLimits`, and does nothing when it is called again too soon. */
export const createLimitSweeper = (
  client: RedisClient,
  keys: PoolKeys,
  declared: DeclaredLimits,
): (() => Promise<void>) => {
  let next = 0;
  return async () => {
    if (performance.now() < next) return;
    next = performance.now() + LIMIT_SWEEP_MS;
    await sweepLimits(client, keys, declared);
  };
};

/** How often gates are looked through for calls that are gone; milliseconds. */
export const LIMIT_SWEEP_MS = 10_000;
/** Most ids that one step looks at, and steps of one sweep. */
const MOST_SWEPT = 1_000;
const SWEEP_STEPS = 100;

export interface LimitSweep {
  /** Places of calls that were gone. */
  readonly freed: number;
  /** Calls that came to the queue. */
  readonly admitted: number;
}

/** The limits that a process knows its pool by. */
export interface DeclaredLimits {
  readonly release: string;
  /** By name. */
  readonly limits: Readonly<Record<string, Pick<CallLimit, 'concurrency' | 'rate'>>>;
}

/**
 * Takes calls that are gone out of the gates of a pool, and admits what may come through. Several processes may call it as often as they
 * like: one sweep begins in `LIMIT_SWEEP_MS`.
 * @param declared of the config of whoever sweeps: the newest release says the numbers, also where it makes no calls
 */
export const sweepLimits = async (
  client: RedisClient,
  keys: PoolKeys,
  declared: DeclaredLimits = { release: '', limits: {} },
): Promise<LimitSweep> => {
  const named = Object.entries(declared.limits).flatMap(([name, limit]) =>
    declaration('', { ...limit, name, index: 0, key: undefined }),
  );
  let cursor = '0';
  let freed = 0;
  let admitted = 0;
  for (let step = 0; step < SWEEP_STEPS; step += 1) {
    const args = [keys.queue, cursor, MOST_SWEPT, LIMIT_SWEEP_MS - 500, declared.release, ...named];
    const reply = await runScript(client, 'sweep-limits', args);
    const [next, gone, came] = reply as [string, number, number];
    cursor = next;
    freed += gone;
    admitted += came;
    if (cursor === '0') break;
  }
  return { freed, admitted };
};
