/**
 * What operators order of single runners: drain, terminate, protect. An order is a field of the pool's hash `orders`, put
 * down together with an event that says who and why; the leading autoscaler carries it out and takes it away, however
 * often it dies in between. Of a runner that nobody manages only a drain can be asked, and of the runner itself.
 */
import type { RedisClient } from './connect.ts';
import type { AppKeys, PoolKeys } from './keys.ts';

export type RunnerOrder =
  | {
      /** It takes no more calls, finishes those that it has, and ends. `withinMs` bounds that; then it is ended with them. */
      readonly action: 'drain';
      readonly withinMs: number | null;
    }
  /** Its machine is ended at once; what it executes is lost with it and runs again elsewhere. */
  | { readonly action: 'terminate' }
  /** Nothing but an order ends it until then (Redis ms): no idleness, no new release, no lower max. */
  | { readonly action: 'protect'; readonly until: number }
  | { readonly action: 'unprotect' };

export interface OrderedBy {
  /** Who, for the record: a user and host, or the name of a tool. */
  readonly by: string;
  readonly reason: string;
}

/** An order as it stands in Redis. `text` tells this one from a later one for the same runner. */
export type StandingOrder = RunnerOrder & OrderedBy & { readonly runnerId: string; readonly text: string };

export type OrderResult =
  /** The autoscaler will see to it; a runner that nobody manages has been told itself. */
  | 'ordered'
  /** A runner that nobody manages drains already. */
  | 'draining'
  /** There is no such runner (any more). */
  | 'unknown'
  /** It was started by hand: whoever started it has to end it, and nobody else will. */
  | 'unmanaged';

/** KEYS orders, events; ARGV runner id, order, action, reason, details. The newest order for a runner is the one that counts. */
const PUT = `
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 1000, '*', 'type', 'runner.ordered', 'runnerId', ARGV[1], 'reason', ARGV[4],
  'at', t[1] * 1000 + math.floor(t[2] / 1000), 'details', ARGV[5])
return 'ordered'
`;

/** KEYS runner hash, events; ARGV control channel, runner id, reason, details. A number above every order so far. */
const DRAIN_UNMANAGED = `
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'ended' then return 'unknown' end
local drain = tonumber(redis.call('HGET', KEYS[1], 'drain') or '0')
if drain > 0 or state == 'draining' or state == 'drained' then return 'draining' end
local acked = tonumber(redis.call('HGET', KEYS[1], 'ackedDrain') or '0')
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'drain', math.max(drain, acked) + 1, 'drainReason', ARGV[3])
redis.call('PUBLISH', ARGV[1], cjson.encode({ type = 'drain', runnerId = ARGV[2], generation = 1 }))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 1000, '*', 'type', 'runner.ordered', 'runnerId', ARGV[2], 'reason', ARGV[3],
  'at', t[1] * 1000 + math.floor(t[2] / 1000), 'details', ARGV[4])
return 'ordered'
`;

/** @param client stays the caller's. @returns what becomes of the order. */
export const orderRunner = async (
  client: RedisClient,
  { app, pool }: { readonly app: AppKeys; readonly pool: PoolKeys },
  runnerId: string,
  { by, reason, ...order }: RunnerOrder & OrderedBy,
): Promise<OrderResult> => {
  const details = JSON.stringify({ ...order, by });
  if ((await client.hexists(app.intents, runnerId)) === 1) {
    const text = JSON.stringify({ ...order, by, reason });
    const args = [runnerId, text, order.action, reason, details];
    const result = (await client.eval(PUT, 2, pool.orders, pool.events, ...args)) as OrderResult;
    // A hint only: the autoscaler's tick comes anyway.
    await client.publish(app.kick, pool.pool).catch(() => undefined);
    return result;
  }
  if (order.action === 'drain') {
    const args = [pool.control, runnerId, reason, details];
    return (await client.eval(DRAIN_UNMANAGED, 2, pool.runner(runnerId), pool.events, ...args)) as OrderResult;
  }
  const state = await client.hget(pool.runner(runnerId), 'state');
  return state === null || state === 'ended' ? 'unknown' : 'unmanaged';
};

/** @returns the order, or `undefined` for a text that is none: one of a newer version must not stop the loop. */
export const parseOrder = (runnerId: string, text: string): StandingOrder | undefined => {
  let value: Readonly<Record<string, unknown>>;
  try {
    value = (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
  const order = readOrder(value);
  if (order === undefined) return undefined;
  return {
    ...order,
    runnerId,
    text,
    by: textOf(value.by, 'somebody'),
    reason: textOf(value.reason, 'no reason given'),
  };
};

const readOrder = ({ action, withinMs, until }: Readonly<Record<string, unknown>>): RunnerOrder | undefined => {
  if (action === 'terminate' || action === 'unprotect') return { action };
  if (action === 'protect') return isTime(until) ? { action, until } : undefined;
  if (action !== 'drain') return undefined;
  if (withinMs === null || withinMs === undefined) return { action, withinMs: null };
  return isTime(withinMs) ? { action, withinMs } : undefined;
};

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const textOf = (value: unknown, otherwise: string): string =>
  typeof value === 'string' && value !== '' ? value : otherwise;
