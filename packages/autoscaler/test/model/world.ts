/** The world around the controllers: the queue, the runners inside the machines, and what must never happen. */
import type { RunnerRecord } from '@flamejs/protocol';
import { LEASE_MS } from '../../src/leader.ts';
import { decodeIntent } from '../../src/record/intent.ts';
import { type MemoryWorld, memoryStore, memoryWorld } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { FOREIGN, type Machine, type ModelBackend, type ModelBackendOptions, modelBackend } from './model-backend.ts';
import { type VirtualClock, virtualClock } from './virtual-clock.ts';

export const SLOTS = 2;
export const POOL = 'work';
/** As in the design: locks of 5 s, a heartbeat each 2 s. */
const LOCK_MS = 5_000;
export const STEP_MS = 1_000;
const PROTECTION_MS = 60_000;

export interface Agent {
  readonly machine: Machine;
  readonly bootMs: number;
  /** Never registers. */
  readonly broken: boolean;
  frozenAt: number | null;
  /** It came back from a freeze; whoever had decided on it by then could not know. */
  thawedAt: number;
  /** Calls it executes, by the time at which they end. */
  calls: number[];
  state: RunnerRecord['state'] | 'none';
  acked: number;
  beatAt: number;
  idleSince: number;
}

export interface World {
  readonly clock: VirtualClock;
  readonly memory: MemoryWorld;
  readonly backend: ModelBackend;
  readonly agents: Map<string, Agent>;
  readonly violations: string[];
  readonly max: number;
  /** Of the whole app. */
  readonly quota: number | undefined;
  /** New machines boot this way. */
  nextBoot: { readonly bootMs: number; readonly broken: boolean };
  callMs: number;
  enqueue(calls: number): void;
  /** One step of everything but the controllers. */
  step(): void;
  jumpRedisClock(ms: number): void;
  /** An operator's order, as the command line puts it down. */
  order(runnerId: string, action: 'drain' | 'terminate' | 'protect' | 'unprotect'): void;
  /** A store on this world, as one controller sees it. */
  store(): Store;
  pending(): number;
}

export interface WorldOptions {
  /** The provider: a simple one unless another is given. */
  readonly backend?: ((options: ModelBackendOptions) => ModelBackend) | undefined;
  readonly max: number;
  readonly quota?: number | undefined;
}

export const createWorld = ({ max, quota, backend: provider = modelBackend }: WorldOptions): World => {
  const clock = virtualClock();
  let redisOffset = 1_700_000_000_000;
  const memory = memoryWorld(() => clock.mono() + redisOffset);
  const agents = new Map<string, Agent>();
  const violations: string[] = [];
  const pool = memory.pool(POOL);
  let waiting = 0;
  let jumped = false;
  let orders = 0;
  /** Runners whose end an operator has ordered. */
  const terminations = new Set<string>();

  const backend = provider({
    clock,
    // As EC2, with a shorter boot so that histories reach further.
    defaults: {
      bootTimeoutMs: 60_000,
      idleShutdownAfterMs: 20_000,
      tickMs: 5_000,
      fastTickMs: 1_000,
      heartbeatTimeoutMs: 600_000,
      failsafeTimeoutMs: 600_000,
      launchesPerTick: 4,
    },
    onLaunchCall({ runnerId }) {
      const text = memory.intents.get(runnerId);
      // I2: nothing is launched that a crash could make us forget.
      if (text === undefined || decodeIntent(text) === undefined)
        violations.push(`I2 launch of ${runnerId} without a record`);
    },
    onMachine(machine) {
      const twins = [...backend.machines.values()].filter(({ runnerId }) => runnerId === machine.runnerId);
      if (twins.length > 1) violations.push(`I2 ${machine.runnerId} has ${twins.length} machines`);
      const living = backend.living().length;
      const most = Math.min(max, quota ?? max);
      if (living > most) violations.push(`I1 ${living} machines, max ${max}, quota ${quota}`);
      const { bootMs, broken } = world.nextBoot;
      agents.set(machine.id, {
        machine,
        bootMs,
        broken,
        frozenAt: null,
        thawedAt: Number.NEGATIVE_INFINITY,
        calls: [],
        state: 'none',
        acked: 0,
        beatAt: 0,
        idleSince: 0,
      });
    },
    onTerminate(machine) {
      if (machine.runnerId === FOREIGN) violations.push('I8 a foreign machine was terminated');
      const agent = agents.get(machine.id);
      const record = decodeIntent(memory.intents.get(machine.runnerId) ?? '');
      const now = memory.now();
      if (record?.grounds === 'forced') {
        if (!terminations.has(machine.runnerId)) violations.push(`I3 ${machine.runnerId} was forced without an order`);
        return;
      }
      // The controller's clock and Redis' part only when one of them jumps.
      if (!jumped && record?.protectedUntil != null && now + 2_000 < record.protectedUntil)
        violations.push(`I3 ${machine.runnerId} was terminated although it is protected`);
      // I3: ended while it executes something. A frozen one has lost its calls with its locks.
      const awake = agent !== undefined && agent.frozenAt === null && clock.mono() - agent.thawedAt > LEASE_MS;
      if (awake && agent.calls.length > 0) {
        violations.push(`I3 busy ${machine.runnerId} (${agent.state}, ${agent.calls.length} calls) was terminated`);
      }
    },
  });

  const redisNow = (): number => memory.now();

  const stepAgent = (agent: Agent): void => {
    const now = clock.mono();
    const { machine } = agent;
    const { runnerId } = machine;
    const gone = machine.goneAt !== null && machine.goneAt <= now;
    const lockless = agent.frozenAt !== null && now - agent.frozenAt >= LOCK_MS;
    if (gone || lockless) {
      // The housekeeper takes calls back whose locks have run out.
      waiting += agent.calls.length;
      agent.calls = [];
      pool.locks.set(runnerId, 0);
    }
    if (gone || agent.frozenAt !== null || agent.broken || agent.state === 'ended') return;
    if (agent.state === 'none') {
      if (now - machine.launchedAt < agent.bootMs) return;
      agent.state = 'ready';
    }
    const before = agent.calls.length;
    agent.calls = agent.calls.filter((endsAt) => endsAt > now);
    if (before > 0 && agent.calls.length === 0) agent.idleSince = redisNow();
    if (now - agent.beatAt >= 2_000) beat(agent, now);
    // It takes calls until it has seen its order: that is the race which the acknowledgement closes.
    while (agent.state === 'ready' && agent.calls.length < SLOTS && waiting > 0) {
      waiting -= 1;
      agent.calls.push(now + world.callMs);
    }
    pool.locks.set(runnerId, agent.calls.length);
  };

  const beat = (agent: Agent, now: number): void => {
    const { runnerId } = agent.machine;
    const order = pool.agents.get(runnerId)?.drain ?? 0;
    if (order === 0 && agent.state === 'draining') agent.state = 'ready';
    if (order !== 0 && agent.state === 'ready') agent.state = 'draining';
    if (agent.state === 'draining' && agent.calls.length === 0) {
      agent.state = 'drained';
      agent.acked = order;
    } else if (agent.state === 'drained') agent.state = 'ended';
    agent.beatAt = now;
    if (agent.idleSince === 0) agent.idleSince = redisNow();
    const state = agent.state === 'none' ? 'starting' : agent.state;
    pool.agents.set(runnerId, {
      runnerId,
      pool: POOL,
      state,
      fault: '',
      busyTotalMs: 0,
      idleTotalMs: 0,
      drainTotalMs: 0,
      roundTripMs: 0,
      active: agent.calls.length,
      slots: SLOTS,
      idleSince: agent.calls.length === 0 && state === 'ready' ? agent.idleSince : 0,
      startedAt: 0,
      readyAt: 0,
      heartbeatAt: redisNow(),
      release: 'r1',
      host: 'model',
      pid: 1,
      served: 0,
      ackedDrain: agent.acked,
      reason: '',
      drain: order,
      drainReason: '',
      parked: false,
    });
    if (agent.state === 'ended') {
      pool.index.delete(runnerId);
      // Its end is the machine's end.
      agent.machine.goneAt ??= now + 1_000;
    } else pool.index.add(runnerId);
  };

  const world: World = {
    clock,
    memory,
    backend,
    agents,
    violations,
    max,
    quota,
    nextBoot: { bootMs: 5_000, broken: false },
    callMs: 4_000,
    enqueue(calls) {
      waiting += calls;
      publish();
    },
    step() {
      for (const agent of agents.values()) stepAgent(agent);
      publish();
    },
    order(runnerId, action) {
      // Orders that nothing has carried out yet are replaced by later ones, as in Redis.
      if (action === 'terminate') terminations.add(runnerId);
      const more = action === 'protect' ? { until: memory.now() + PROTECTION_MS } : {};
      const text = JSON.stringify({ action, ...more, by: 'model', reason: `order ${++orders}` });
      pool.orders.set(runnerId, text);
    },
    jumpRedisClock(ms) {
      jumped = true;
      redisOffset += ms;
    },
    store: () => memoryStore(memory),
    pending: () => waiting + [...agents.values()].reduce((sum, { calls }) => sum + calls.length, 0),
  };

  const publish = (): void => {
    const active = [...agents.values()].reduce((sum, { calls }) => sum + calls.length, 0);
    pool.queue = { ...pool.queue, waiting, active, oldestWaitAt: waiting > 0 ? redisNow() : null };
  };
  return world;
};
