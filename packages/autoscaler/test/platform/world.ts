/**
 * A pool that a platform scales, without time and without a platform: the runners as they behave under one, the calls, and every kill
 * written down. What a platform makes of the number is `platforms.ts`.
 */
import { decisionOf, type PlatformDecision, type RunnerRecord } from '@flamejs/protocol';
import type { PoolConfig } from '@flamejs/queue';
import { pino } from 'pino';
import { external } from '../../src/backends/external/index.ts';
import { type Controller, createController } from '../../src/controller.ts';
import { createLeader, LEASE_MS, type Leader } from '../../src/leader.ts';
import type { FullPoolStatus } from '../../src/pool-status.ts';
import { type MemoryWorld, memoryStore, memoryWorld } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { type VirtualClock, virtualClock } from '../model/virtual-clock.ts';
import { externalConfig, POOL } from './config.ts';

export const SLOTS = 2;
export const GRACE_MS = 10_000;
const LOCK_MS = 5_000;
const BOOT_MS = 8_000;

export interface Call {
  /** Runners on which an attempt has begun. */
  readonly attempts: string[];
  done: boolean;
}

export interface Container {
  readonly runnerId: string;
  readonly startedAt: number;
  state: RunnerRecord['state'];
  calls: { readonly call: Call; readonly endsAt: number }[];
  /** Told to end, and by when; what runs then goes back. */
  endsBy: number | null;
  /** Gone without a word; its calls come back when their locks have run out. */
  killedAt: number | null;
  served: number;
  idleSince: number;
  acked: number;
}

export interface PlatformWorld {
  readonly clock: VirtualClock;
  readonly memory: MemoryWorld;
  readonly containers: Map<string, Container>;
  readonly calls: Call[];
  /** Runners that the platform told to end, or killed. */
  readonly kills: Set<string>;
  readonly violations: string[];
  /** Everything that is read of the pool fails. */
  blind: boolean;
  /** Nobody ticks. */
  headless: boolean;
  callMs: number;
  enqueue(count: number): void;
  start(): void;
  /** SIGTERM, and the end after the grace period. */
  stop(container: Container): void;
  kill(container: Container): void;
  living(): readonly Container[];
  /** What the platform hears when it asks now. */
  ask(): PlatformDecision;
  status(): FullPoolStatus;
  /** Another controller takes over. */
  replaceController(): void;
  pass(seconds: number, each?: () => void): Promise<void>;
  pending(): number;
}

export const createPlatformWorld = (change: Partial<PoolConfig> = {}): PlatformWorld => {
  const clock = virtualClock();
  const memory = memoryWorld(() => clock.mono() + 1_700_000_000_000);
  const pool = memory.pool(POOL);
  const config = externalConfig({ maxConcurrency: SLOTS, backend: external(), ...change });
  const max = config.pools[POOL]?.max ?? 0;
  const containers = new Map<string, Container>();
  const waiting: Call[] = [];
  let lives = 0;
  let actor = newActor();

  function newActor(): { readonly leader: Leader; readonly controller: Controller; renewedAt: number } {
    lives += 1;
    const log = pino({ level: process.env.MODEL_LOG ?? 'silent' });
    const inner = memoryStore(memory);
    const store: Store = {
      ...inner,
      observe: (...args) => (world?.blind ? Promise.reject(new Error('blind')) : inner.observe(...args)),
    };
    const leader = createLeader({ store, clock, log, holder: `life-${lives}`, leaseMs: LEASE_MS });
    const parts = { config, store, clock, log, leader, owner: 'aaaaaa', push: true };
    const controller = createController({ ...parts, backendOf: ({ backend }) => backend ?? external() });
    return { leader, controller, renewedAt: Number.NEGATIVE_INFINITY };
  }

  const tick = (): void => {
    if (world.headless) return;
    if (clock.mono() - actor.renewedAt >= 5_000) {
      actor.renewedAt = clock.mono();
      void actor.leader.keep();
    }
    void actor.controller.tick();
  };

  const leave = (container: Container): void => {
    container.state = 'ended';
    container.calls = [];
    containers.delete(container.runnerId);
    pool.index.delete(container.runnerId);
    report(container);
  };

  const report = (container: Container): void => {
    const { runnerId, state, calls, served } = container;
    const before = pool.agents.get(runnerId);
    const told = container.endsBy !== null;
    pool.agents.set(runnerId, {
      ...{ runnerId, pool: POOL, state, served, slots: SLOTS, active: calls.length },
      ...{
        fault: '',
        busyTotalMs: 0,
        idleTotalMs: 0,
        drainTotalMs: 0,
        roundTripMs: 0,
        pid: 1,
        host: runnerId,
        release: 'r1',
      },
      idleSince: state === 'ready' && calls.length === 0 ? container.idleSince : 0,
      startedAt: container.startedAt,
      readyAt: container.startedAt + BOOT_MS,
      heartbeatAt: memory.now(),
      ackedDrain: container.acked,
      reason: told ? 'sigterm' : (before?.drainReason ?? ''),
      drain: before?.drain ?? 0,
      drainReason: before?.drainReason ?? '',
      parked: before?.parked ?? false,
    });
    if (state !== 'ended') pool.index.add(runnerId);
  };

  /** As runner and drain do: an order parks, taking it back unparks, SIGTERM ends. */
  const follow = (container: Container): void => {
    const order = pool.agents.get(container.runnerId)?.drain ?? 0;
    const told = container.endsBy !== null;
    if (container.state === 'starting' && memory.now() - container.startedAt >= BOOT_MS) {
      container.state = 'ready';
      container.idleSince = memory.now();
    }
    if (container.state === 'ready' && (order > 0 || told)) container.state = 'draining';
    if (container.state === 'draining' && container.calls.length === 0) {
      container.state = 'drained';
      container.acked = order;
    }
    if (!told && order === 0 && (container.state === 'draining' || container.state === 'drained')) {
      container.state = 'ready';
      container.acked = 0;
      container.idleSince = memory.now();
    }
  };

  const step = (container: Container): void => {
    const now = clock.mono();
    if (container.killedAt !== null) {
      if (now - container.killedAt < LOCK_MS) return;
      waiting.unshift(...container.calls.map(({ call }) => call));
      container.calls = [];
      pool.locks.set(container.runnerId, 0);
      containers.delete(container.runnerId);
      return;
    }
    const before = container.calls.length;
    for (const running of container.calls) if (running.endsAt <= now) running.call.done = true;
    container.calls = container.calls.filter(({ call }) => !call.done);
    container.served += before - container.calls.length;
    if (before > 0 && container.calls.length === 0) container.idleSince = memory.now();
    follow(container);
    if (container.endsBy !== null && (container.state === 'drained' || now >= container.endsBy)) {
      waiting.unshift(...container.calls.map(({ call }) => call));
      leave(container);
      return;
    }
    while (container.state === 'ready' && container.calls.length < SLOTS) {
      const call = waiting.shift();
      if (call === undefined) break;
      call.attempts.push(container.runnerId);
      container.calls.push({ call, endsAt: now + world.callMs });
    }
    pool.locks.set(container.runnerId, container.calls.length);
    report(container);
  };

  const publish = (): void => {
    const active = [...containers.values()].reduce((sum, { calls }) => sum + calls.length, 0);
    const oldestWaitAt = waiting.length > 0 ? memory.now() : null;
    pool.queue = { ...pool.queue, waiting: waiting.length, active, oldestWaitAt };
  };

  const isLed = (): boolean => memory.lease !== null && memory.now() < memory.lease.until;

  const world: PlatformWorld = {
    ...{ clock, memory, containers, blind: false, headless: false, callMs: 4_000 },
    calls: [],
    kills: new Set(),
    violations: [],
    enqueue(count) {
      for (let i = 0; i < count; i += 1) {
        const call: Call = { attempts: [], done: false };
        world.calls.push(call);
        waiting.push(call);
      }
      publish();
    },
    start() {
      const runnerId = `pod-${containers.size}-${world.kills.size}-${clock.mono()}-${Math.floor(clock.random() * 1e9)}`;
      containers.set(runnerId, {
        ...{ runnerId, startedAt: memory.now(), state: 'starting', calls: [], endsBy: null, killedAt: null },
        ...{ served: 0, idleSince: 0, acked: 0 },
      });
    },
    stop(container) {
      world.kills.add(container.runnerId);
      container.endsBy ??= clock.mono() + GRACE_MS;
    },
    kill(container) {
      world.kills.add(container.runnerId);
      container.killedAt ??= clock.mono();
    },
    living: () => [...containers.values()].filter(({ endsBy, killedAt }) => endsBy === null && killedAt === null),
    ask: () => decisionOf(memory.statuses.get(POOL), isLed(), memory.now()),
    status: () => JSON.parse(memory.statuses.get(POOL) ?? '{}') as FullPoolStatus,
    replaceController() {
      actor = newActor();
    },
    async pass(seconds, each = () => undefined) {
      for (let second = 0; second < seconds; second += 1) {
        tick();
        await clock.advance(1_000);
        for (const container of [...containers.values()]) step(container);
        publish();
        each();
        const { platform } = world.status();
        if (platform !== undefined && platform.wanted > max)
          world.violations.push(`wanted ${platform.wanted} > max ${max}`);
      }
    },
    pending: () => waiting.length + [...containers.values()].reduce((sum, { calls }) => sum + calls.length, 0),
  };
  return world;
};
