/** The numbers of an app as Redis holds them, in the form that Prometheus reads. Whoever renders them renders the same. */
import type { RedisClient } from '../connect.ts';
import { appKeys, type PoolKeys, poolKeys } from '../keys.ts';
import { readKnownPools } from '../known-pools.ts';
import { decisionOf } from '../platform-decision.ts';
import { parsePoolStatus } from '../pool-status.ts';
import { type Fields, finite } from '../stored.ts';
import { createExposition, type Exposition } from './exposition.ts';
import { type Counted, type PoolNumbers, readPoolNumbers } from './pool-numbers.ts';
import { PURPOSES } from './purposes.ts';

export interface MetricsSource {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly app: string;
  /** Of the config; those that were called beside them are found in Redis. */
  readonly pools: readonly string[];
}

/** What the leader said longer ago than any tick does not hold any more. */
const STALE_MS = 60_000;
const NANO = 1e-9;

/** @returns the text that `/metrics` answers with. @throws what Redis throws */
export const renderMetrics = async ({ client, prefix, app, pools }: MetricsSource): Promise<string> => {
  const out = createExposition();
  const keys = appKeys(prefix, app);
  const askedAt = performance.now();
  const beat = await client.get(keys.heartbeat);
  out.add('flame_scrape_round_trip_seconds', {}, (performance.now() - askedAt) / 1000);
  const [epoch, lease, registry, known, [seconds, micros]] = await Promise.all([
    client.get(keys.epoch),
    client.exists(keys.lease),
    client.hgetall(keys.pools),
    readKnownPools(client, keys),
    client.time(),
  ]);
  const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  for (const pool of [...new Set([...pools, ...known])].sort()) {
    await addPool(out, client, poolKeys(prefix, app, pool), parsePoolStatus(registry[pool]) ?? {}, now);
    const decision = decisionOf(registry[pool], lease === 1, now);
    if (decision.known) out.add('flame_replicas_wanted', { pool }, decision.wanted);
  }
  out.add('flame_leader_epoch', {}, finite(epoch));
  out.add('flame_autoscaler_silent_seconds', {}, beat === null ? -1 : Math.max(0, now - finite(beat)) / 1000);
  return out.text();
};

const addPool = async (
  out: Exposition,
  client: RedisClient,
  keys: PoolKeys,
  status: Fields,
  now: number,
): Promise<void> => {
  const pool = { pool: keys.pool };
  await addQueue(out, client, keys, now);
  await addRunners(out, client, keys, status, now);
  out.add('flame_runners_wanted', pool, typeof status.wanted === 'number' ? status.wanted : -1);
  out.add('flame_runners_max', pool, finite(status.max));
  out.add('flame_boot_failing', pool, status.bootFailure === undefined ? 0 : 1);
  out.add('flame_breaker_open', pool, status.unbootable === true ? 1 : 0);
  addCounted(out, pool, await readPoolNumbers(client, keys));
};

const addQueue = async (out: Exposition, client: RedisClient, keys: PoolKeys, now: number): Promise<void> => {
  const { queue, lastStart, pool } = keys;
  const replies = await client
    .pipeline()
    .llen(`${queue}wait`)
    .zcard(`${queue}prioritized`)
    .zcard(`${queue}delayed`)
    .llen(`${queue}active`)
    .zcard(`${queue}failed`)
    .zcard(`${queue}completed`)
    .hexists(`${queue}meta`, 'paused')
    .get(lastStart)
    // The end of the list is served next.
    .lindex(`${queue}wait`, -1)
    .zrange(`${queue}prioritized`, '0', '0')
    .exec();
  // A key of another type must not cost the page its other numbers.
  const value = (at: number): unknown => (replies?.[at]?.[0] ? null : replies?.[at]?.[1]);
  const n = (at: number): number => finite(value(at));
  const counts = { waiting: n(0) + n(1), delayed: n(2), active: n(3), failed: n(4), succeeded: n(5) };
  for (const [state, count] of Object.entries(counts)) out.add('flame_calls', { pool, state }, count);
  const next = String(value(8) ?? (value(9) as readonly string[] | null)?.[0] ?? '');
  const since = next === '' ? 0 : finite(await client.hget(`${queue}${next}`, 'f:since').catch(() => 0));
  out.add('flame_oldest_wait_seconds', { pool }, since === 0 ? 0 : Math.max(0, now - since) / 1000);
  out.add('flame_pool_paused', { pool }, n(6));
  out.add('flame_last_start_timestamp_seconds', { pool }, n(7) / 1000);
};

const STATES = ['requested', 'booting', 'ready', 'draining', 'terminating', 'failed', 'lost'] as const;

/** By the leader; where none is, by what runners say of themselves. */
const addRunners = async (
  out: Exposition,
  client: RedisClient,
  keys: PoolKeys,
  status: Fields,
  now: number,
): Promise<void> => {
  const { pool } = keys;
  const ids = await client.zrangebyscore(keys.runners, String(now - STALE_MS), '+inf');
  const pipeline = client.pipeline();
  for (const id of ids) pipeline.hmget(keys.runner(id), 'state', 'slots', 'roundTripMs');
  const runners = ((await pipeline.exec()) ?? []).map(([error, fields]) => (error ? [] : (fields as string[])));
  const ready = runners.filter(([state]) => state === 'ready');
  const led = now - finite(status.at) < STALE_MS && typeof status.states === 'object' && status.states !== null;
  const counts = led ? (status.states as Fields) : undefined;
  const own = (state: string): number =>
    runners.filter(([said]) => said === state || (state === 'booting' && said === 'starting')).length;
  for (const state of STATES)
    out.add('flame_runners', { pool, state }, counts === undefined ? own(state) : finite(counts[state]));
  out.add(
    'flame_slots',
    { pool },
    ready.reduce((sum, [, slots]) => sum + finite(slots), 0),
  );
  const slowestMs = Math.max(0, ...runners.map(([, , ms]) => finite(ms)));
  out.add('flame_redis_round_trip_seconds', { pool }, slowestMs / 1000);
};

const addCounted = (out: Exposition, pool: Readonly<{ pool: string }>, numbers: PoolNumbers): void => {
  for (const [name, counted] of numbers.functions) addFunction(out, { ...pool, function: name }, counted);
  const { of, names } = numbers.fleet;
  out.add('flame_launches_total', pool, of('launches'));
  out.add('flame_runners_lost_total', pool, of('lost'));
  for (const kind of names('failed:')) out.add('flame_launch_failures_total', { ...pool, kind }, of(`failed:${kind}`));
  out.addHistogram('flame_runner_boot_seconds', pool, of, 'b');
  for (const purpose of PURPOSES) {
    const labels = { ...pool, purpose };
    out.add('flame_machine_seconds_total', labels, of(`ms:${purpose}`) / 1000);
    out.add('flame_machine_cost_dollars_total', labels, of(`nano:${purpose}`) * NANO);
    out.add('flame_machine_unpriced_seconds_total', labels, of(`unpriced:${purpose}`) / 1000);
  }
};

const addFunction = (
  out: Exposition,
  labels: Readonly<{ pool: string; function: string }>,
  { of, names }: Counted,
): void => {
  out.add('flame_calls_begun_total', labels, of('begun'));
  for (const outcome of names('attempt:'))
    out.add('flame_attempts_total', { ...labels, outcome }, of(`attempt:${outcome}`));
  for (const outcome of names('ended:'))
    out.add('flame_calls_ended_total', { ...labels, outcome }, of(`ended:${outcome}`));
  out.addHistogram('flame_call_wait_seconds', labels, of, 'w');
  out.addHistogram('flame_call_run_seconds', labels, of, 'r');
  out.addHistogram('flame_call_cold_start_seconds', labels, of, 'c');
  out.add('flame_function_machine_seconds_total', labels, of('ms') / 1000);
  out.add('flame_function_cost_dollars_total', labels, of('nano') * NANO);
};
