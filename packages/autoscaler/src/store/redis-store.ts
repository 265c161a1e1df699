/** The store on Redis. Its connection fails fast; a command that is not answered in time counts as failed. */
import {
  type AppKeys,
  appKeys,
  BUCKET_BOUNDS_MS,
  type OnDamage,
  type PoolKeys,
  poolKeys,
  type QueueNames,
  type RedisClient,
} from '@flamejs/protocol';
import { bounded, type Clock } from '../clock.ts';
import { withBullmqQueue } from '../observe/bullmq-queue.ts';
import { decodeIntent, encodeIntent, type IntentRecord } from '../record/intent.ts';
import { BEAT, COMMIT, RESERVE } from '../scripts/intents.ts';
import { ACQUIRE, RELEASE, RENEW } from '../scripts/lease.ts';
import {
  COUNT,
  FORGET,
  FULFIL,
  HELD_LOCKS,
  OBSERVE,
  ORDER_DRAIN,
  PARK,
  RAISE,
  REACTIVATE,
  RECORD,
  THIN,
  UNPARK,
} from '../scripts/pool.ts';
import type { Script } from '../scripts/script.ts';
import { parseSnapshot } from './snapshot.ts';
import type { Store } from './store.ts';

export interface RedisStoreOptions {
  /** Of role `producer`, so that nothing is queued unseen while Redis is away. Owned by the caller. */
  readonly client: RedisClient;
  readonly prefix: string;
  readonly app: string;
  readonly clock: Clock;
  /** Milliseconds for one command. Default 3000. */
  readonly timeoutMs?: number;
  /** The queue of BullMQ that a pool serves; `undefined` for a pool of calls. */
  readonly queueOf?: (pool: string) => QueueNames | undefined;
  /** Hears of records that are skipped. */
  readonly onDamage?: OnDamage;
}

export const redisStore = (options: RedisStoreOptions): Store => {
  const { client, prefix, app, clock, timeoutMs = 3_000, onDamage = () => undefined } = options;
  const keys: AppKeys = appKeys(prefix, app);
  const poolsKeys = new Map<string, PoolKeys>();
  const of = (pool: string): PoolKeys => {
    const known = poolsKeys.get(pool) ?? poolKeys(prefix, app, pool);
    poolsKeys.set(pool, known);
    return known;
  };
  const timed = <T>(what: string, work: () => Promise<T>): Promise<T> =>
    bounded(clock, timeoutMs, `Redis (${what})`, work);
  const run = <T>(what: string, script: Script, scriptKeys: readonly string[], args: readonly (string | number)[]) =>
    timed(what, () => script.run(client, scriptKeys, args) as Promise<T>);

  return {
    async acquire(holder, ttlMs, stuck) {
      const args = [holder, ttlMs, stuck ?? ''];
      const reply = await run<[number, string] | string>('acquire', ACQUIRE, [keys.lease, keys.epoch], args);
      return typeof reply === 'string' ? reply : { epoch: Number(reply[0]), now: Number(reply[1]) };
    },
    async renew(holder, epoch, ttlMs, count) {
      return (await run<number>('renew', RENEW, [keys.lease, keys.epoch], [holder, epoch, ttlMs, count])) === 1;
    },
    async release(holder, epoch) {
      await run('release', RELEASE, [keys.lease, keys.epoch], [holder, epoch]);
    },
    async intents() {
      const texts = await timed('intents', () => client.hgetall(keys.intents));
      return Object.entries(texts).flatMap(([runnerId, text]): readonly IntentRecord[] => {
        const record = decodeIntent(text);
        if (record === undefined)
          onDamage({ what: `the autoscaler's record of runner ${runnerId}`, key: keys.intents, field: runnerId });
        return record === undefined ? [] : [record];
      });
    },
    async reserve(epoch, records, { max, quota }) {
      const pool = records[0]?.pool;
      if (pool === undefined) return [];
      const args = [epoch, pool, finite(max), finite(quota), ...records.flatMap((r) => [r.runnerId, encodeIntent(r)])];
      return run('reserve', RESERVE, [keys.intents, keys.epoch], args);
    },
    async commit(epoch, { save = [], remove = [] }) {
      if (save.length + remove.length === 0) return 'ok';
      const args = [epoch, save.length, ...save.flatMap((r) => [r.runnerId, encodeIntent(r)]), ...remove];
      return run('commit', COMMIT, [keys.intents, keys.epoch], args);
    },
    raise: (pool, epoch) => run('raise', RAISE, [of(pool).epoch], [epoch]),
    async observe(pool, runnerIds, dueWithinMs) {
      const { queue, runners, settings, orders, runner } = of(pool);
      const args = [runner(''), dueWithinMs, ...runnerIds];
      const snapshot = parseSnapshot(pool, await run('observe', OBSERVE, [queue, runners, settings, orders], args));
      const served = options.queueOf?.(pool);
      if (served === undefined) return snapshot;
      return timed('observe a queue', () => withBullmqQueue(client, of(pool), served, snapshot, dueWithinMs));
    },
    orderDrain: (pool, epoch, { runnerId, generation, reason }) =>
      run(
        'order a drain',
        ORDER_DRAIN,
        [of(pool).epoch, of(pool).runner(runnerId)],
        [epoch, of(pool).control, runnerId, generation, reason],
      ),
    reactivate: (pool, epoch, runnerId) =>
      run('reactivate', REACTIVATE, [of(pool).epoch, of(pool).runner(runnerId)], [epoch, of(pool).control, runnerId]),
    park: (pool, epoch, runnerId, reason) =>
      run('park', PARK, [of(pool).epoch, of(pool).runner(runnerId)], [epoch, of(pool).control, runnerId, reason]),
    unpark: (pool, epoch, runnerId) =>
      run('unpark', UNPARK, [of(pool).epoch, of(pool).runner(runnerId)], [epoch, of(pool).control, runnerId]),
    fulfil: (pool, epoch, { runnerId, text }) =>
      run('fulfil an order', FULFIL, [of(pool).epoch, of(pool).orders], [epoch, runnerId, text]),
    heldLocks: (pool, runnerId) => run('read locks', HELD_LOCKS, [of(pool).queue], [runnerId]),
    forget: (pool, epoch, runnerId, reason) =>
      run(
        'forget a runner',
        FORGET,
        [of(pool).epoch, of(pool).runners, of(pool).runner(runnerId)],
        [epoch, runnerId, reason],
      ),
    async record(pool, epoch, { events = [], sample = {} }) {
      const fields = events.flatMap((e) => [e.type, e.runnerId ?? '', e.reason, JSON.stringify(e.details ?? {})]);
      const args = [epoch, events.length, ...fields, ...Object.entries(sample).flat()];
      const { epoch: fence, events: told, history, metricsOf } = of(pool);
      return run('record', RECORD, [fence, told, history, metricsOf('')], args);
    },
    thin(pool, epoch, { name, keep }, sample) {
      const { epoch: fence, historyOf, metricsOf } = of(pool);
      const args = [epoch, keep, BUCKET_BOUNDS_MS.length, ...Object.entries(sample).flat()];
      return run('thin', THIN, [fence, historyOf(name), metricsOf('')], args);
    },
    count(pool, epoch, { seq, counts, machines }) {
      const entries = Object.fromEntries(Object.entries(machines).map(([id, text]) => [id, text ?? '']));
      const args = [epoch, seq, JSON.stringify(counts), JSON.stringify(entries)];
      return run('count', COUNT, [of(pool).epoch, of(pool).fleet, of(pool).machines], args);
    },
    machines: (pool) => timed('machines', () => client.hgetall(of(pool).machines)),
    beat: (epoch, statuses) =>
      run('heartbeat', BEAT, [keys.epoch, keys.heartbeat, keys.pools], [epoch, ...Object.entries(statuses).flat()]),
    statuses: () => timed('statuses', () => client.hgetall(keys.pools)),
    alerts: () => timed('alerts', () => client.hgetall(keys.alerts)),
    saveAlerts(epoch, save, remove) {
      const saved = Object.entries(save);
      return run('alerts', COMMIT, [keys.alerts, keys.epoch], [epoch, saved.length, ...saved.flat(), ...remove]);
    },
  };
};

const finite = (value: number): number => (Number.isFinite(value) ? value : Number.MAX_SAFE_INTEGER);
