/**
 * The store in plain maps, for the model tests and the simulator. It also plays the rest of Redis: tests set queue
 * counts and let runners register through `world`.
 */
import { parseOrder, type RunnerRecord } from '@flamejs/protocol';
import type { ReleaseSight } from '../plan/release.ts';
import { decodeIntent, encodeIntent, type IntentRecord } from '../record/intent.ts';
import { poolOfRunnerId } from '../record/runner-id.ts';
import type { NewEvent, PoolSnapshot, Store } from './store.ts';

export type QueueCounts = Omit<PoolSnapshot, 'now' | 'agents' | 'settings' | 'orders' | 'releases'>;

export interface MemoryPool {
  queue: QueueCounts;
  readonly agents: Map<string, RunnerRecord>;
  /** Runners in the index; the others have left. */
  readonly index: Set<string>;
  readonly settings: Map<string, string>;
  /** Runner ids to what operators want of them. */
  readonly orders: Map<string, string>;
  releases: readonly ReleaseSight[];
  /** Runner ids to the number of their active calls that have a lock. */
  readonly locks: Map<string, number>;
  readonly events: (NewEvent & { readonly at: number })[];
  readonly history: Readonly<Record<string, string | number>>[];
  readonly thinned: Readonly<Record<string, string | number>>[];
  readonly fleet: Map<string, number>;
  readonly machines: Map<string, string>;
  /** Epoch and number of the last batch of counts. */
  counted: string;
  epoch: number;
}

export interface MemoryWorld {
  /** What plays Redis' clock. */
  now(): number;
  pool(name: string): MemoryPool;
  readonly intents: Map<string, string>;
  readonly statuses: Map<string, string>;
  readonly alerts: Map<string, string>;
  heartbeatAt: number;
  epoch: number;
  lease: { holder: string; count: number; until: number } | null;
}

export const memoryWorld = (now: () => number): MemoryWorld => {
  const pools = new Map<string, MemoryPool>();
  return {
    now,
    pool(name) {
      const known = pools.get(name) ?? emptyPool();
      pools.set(name, known);
      return known;
    },
    intents: new Map(),
    statuses: new Map(),
    alerts: new Map(),
    heartbeatAt: 0,
    epoch: 0,
    lease: null,
  };
};

export const memoryStore = (world: MemoryWorld): Store => {
  const leads = (epoch: number): boolean => world.epoch === epoch;
  const ownsPool = (pool: string, epoch: number): boolean => world.pool(pool).epoch === epoch;
  const holds = (holder: string): boolean => {
    if (world.lease !== null && world.now() >= world.lease.until) world.lease = null;
    return world.lease === null || world.lease.holder === holder;
  };
  const leaseValue = (): string => `${world.lease?.holder} ${world.lease?.count}`;
  const setAgent = (pool: string, runnerId: string, change: Partial<RunnerRecord>): RunnerRecord | undefined => {
    const agent = world.pool(pool).agents.get(runnerId);
    if (agent === undefined) return undefined;
    world.pool(pool).agents.set(runnerId, { ...agent, ...change });
    return agent;
  };

  return {
    async acquire(holder, ttlMs, stuck) {
      if (!holds(holder) && leaseValue() !== stuck) return leaseValue();
      world.lease = { holder, count: 0, until: world.now() + ttlMs };
      world.epoch += 1;
      return { epoch: world.epoch, now: world.now() };
    },
    async renew(holder, epoch, ttlMs, count) {
      if (!leads(epoch) || !holds(holder)) return false;
      world.lease = { holder, count, until: world.now() + ttlMs };
      return true;
    },
    async release(holder, epoch) {
      if (leads(epoch) && world.lease?.holder === holder) world.lease = null;
    },
    async intents() {
      return [...world.intents.values()].map(decodeIntent).filter((r): r is IntentRecord => r !== undefined);
    },
    async reserve(epoch, records, { max, quota }) {
      if (!leads(epoch)) return 'fenced';
      const reserved: string[] = [];
      for (const record of records) {
        const mine = [...world.intents.keys()].filter((id) => poolOfRunnerId(id) === record.pool).length;
        if (mine >= max || world.intents.size >= quota) break;
        if (world.intents.has(record.runnerId)) continue;
        world.intents.set(record.runnerId, encodeIntent(record));
        reserved.push(record.runnerId);
      }
      return reserved;
    },
    async commit(epoch, { save = [], remove = [] }) {
      if (!leads(epoch)) return 'fenced';
      for (const record of save) world.intents.set(record.runnerId, encodeIntent(record));
      for (const runnerId of remove) world.intents.delete(runnerId);
      return 'ok';
    },
    async raise(pool, epoch) {
      if (world.pool(pool).epoch > epoch) return 'fenced';
      world.pool(pool).epoch = epoch;
      return 'ok';
    },
    async observe(pool, runnerIds) {
      const { queue, agents, index, settings, orders, releases } = world.pool(pool);
      const ids = new Set([...index, ...runnerIds]);
      return {
        ...queue,
        now: world.now(),
        agents: [...ids].flatMap((id) => agents.get(id) ?? []),
        settings: Object.fromEntries(settings),
        orders: [...orders].flatMap(([runnerId, text]) => parseOrder(runnerId, text) ?? []),
        releases,
      };
    },
    async orderDrain(pool, epoch, { runnerId, generation, reason }) {
      if (!ownsPool(pool, epoch)) return 'fenced';
      return setAgent(pool, runnerId, { drain: generation, drainReason: reason }) === undefined ? 'missing' : 'ordered';
    },
    async reactivate(pool, epoch, runnerId) {
      if (!ownsPool(pool, epoch)) return 'fenced';
      const agent = world.pool(pool).agents.get(runnerId);
      if (agent === undefined) return 'missing';
      if (agent.state === 'drained' || agent.state === 'ended') return 'acknowledged';
      setAgent(pool, runnerId, { drain: 0, drainReason: '' });
      return 'reactivated';
    },
    async park(pool, epoch, runnerId, reason) {
      if (!ownsPool(pool, epoch)) return 'fenced';
      const agent = world.pool(pool).agents.get(runnerId);
      if (agent === undefined || agent.drain > 0 || !['ready', 'starting'].includes(agent.state)) return 'missing';
      setAgent(pool, runnerId, { drain: agent.ackedDrain + 1, drainReason: reason, parked: true });
      return 'ordered';
    },
    async unpark(pool, epoch, runnerId) {
      if (!ownsPool(pool, epoch)) return 'fenced';
      const agent = world.pool(pool).agents.get(runnerId);
      if (agent === undefined || agent.state === 'ended' || !agent.parked) return 'missing';
      setAgent(pool, runnerId, { drain: 0, drainReason: '', parked: false });
      return 'ordered';
    },
    async fulfil(pool, epoch, { runnerId, text }) {
      if (!ownsPool(pool, epoch)) return 'fenced';
      const { orders } = world.pool(pool);
      if (orders.get(runnerId) === text) orders.delete(runnerId);
      return 'ok';
    },
    async heldLocks(pool, runnerId) {
      return world.pool(pool).locks.get(runnerId) ?? 0;
    },
    async forget(pool, epoch, runnerId, reason) {
      if (!ownsPool(pool, epoch)) return 'fenced';
      world.pool(pool).index.delete(runnerId);
      if (world.pool(pool).agents.get(runnerId)?.state !== 'ended')
        setAgent(pool, runnerId, { state: 'ended', reason, active: 0 });
      return 'ok';
    },
    async record(pool, epoch, { events = [], sample }) {
      if (!ownsPool(pool, epoch)) return 'fenced';
      world.pool(pool).events.push(...events.map((event) => ({ ...event, at: world.now() })));
      if (sample !== undefined) world.pool(pool).history.push({ at: world.now(), ...sample });
      return 'ok';
    },
    async thin(pool, epoch, { name }, sample) {
      if (!ownsPool(pool, epoch)) return 'fenced';
      world.pool(pool).thinned.push({ resolution: name, at: world.now(), ...sample });
      return 'ok';
    },
    async count(pool, epoch, { seq, counts, machines }) {
      if (!ownsPool(pool, epoch)) return 'fenced';
      const held = world.pool(pool);
      if (held.counted === `${epoch}:${seq}`) return 'ok';
      held.counted = `${epoch}:${seq}`;
      for (const [field, by] of Object.entries(counts)) held.fleet.set(field, (held.fleet.get(field) ?? 0) + by);
      for (const [runnerId, text] of Object.entries(machines))
        if (text === null) held.machines.delete(runnerId);
        else held.machines.set(runnerId, text);
      return 'ok';
    },
    async machines(pool) {
      return Object.fromEntries(world.pool(pool).machines);
    },
    async beat(epoch, statuses) {
      if (!leads(epoch)) return 'fenced';
      world.heartbeatAt = world.now();
      for (const [pool, status] of Object.entries(statuses)) world.statuses.set(pool, status);
      return 'ok';
    },
    async statuses() {
      return Object.fromEntries(world.statuses);
    },
    async alerts() {
      return Object.fromEntries(world.alerts);
    },
    async saveAlerts(epoch, save, remove) {
      if (!leads(epoch)) return 'fenced';
      for (const [id, text] of Object.entries(save)) world.alerts.set(id, text);
      for (const id of remove) world.alerts.delete(id);
      return 'ok';
    },
  };
};

const emptyPool = (): MemoryPool => ({
  queue: { paused: false, waiting: 0, prioritized: 0, active: 0, dueSoon: 0, oldestWaitAt: null },
  agents: new Map(),
  index: new Set(),
  settings: new Map(),
  orders: new Map(),
  releases: [],
  locks: new Map(),
  events: [],
  history: [],
  thinned: [],
  fleet: new Map(),
  machines: new Map(),
  counted: '',
  epoch: 0,
});
