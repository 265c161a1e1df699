/**
 * The world around the simulated autoscaler: a queue that calls come to as the trace says, machines that boot, and runners
 * that take calls, drain and end as real ones do.
 */
import type { RunnerRecord } from '@flamejs/protocol';
import type { Backend, BackendDefaults, Instance, Trace, TracedCall } from '@flamejs/queue';
import type { MemoryPool } from '../store/memory-store.ts';
import type { Store } from '../store/store.ts';
import { HEARTBEAT_MS } from '../timing.ts';
import type { Meter } from './meter.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface Fleet {
  readonly backend: Backend;
  /** The same store, whose orders runners hear of. */
  heard(store: Store): Store;
  /** A machine that stands there from the beginning. */
  stand(runnerId: string): Instance;
  /** Every call has ended. */
  done(): boolean;
  /** Nobody will serve what waits: the number of calls that wait or run. */
  unserved(): number;
}

export interface FleetOptions {
  readonly clock: VirtualClock;
  readonly pool: string;
  readonly slots: number;
  readonly defaults: BackendDefaults;
  readonly memory: MemoryPool;
  readonly trace: Trace;
  readonly release: string;
  readonly meter: Meter;
  bootMs(): number;
  /** Epoch ms. */
  now(): number;
  /** Something happened that a real autoscaler would hear of at once. */
  kick(): void;
}

interface Runner {
  readonly runnerId: string;
  readonly launchedAt: number;
  state: RunnerRecord['state'];
  readyAt: number;
  active: number;
  served: number;
  idleSince: number;
  ackedDrain: number;
  goneAt: number | null;
}

/** From its last word to the end of its process. */
const EXIT_MS = 200;
/** How long the list goes on to show a machine that has ended. */
const SHOWN_MS = 10 * 60_000;

export const createFleet = (options: FleetOptions): Fleet => {
  const { clock, memory, slots, trace, meter } = options;
  const runners = new Map<string, Runner>();
  const { calls } = trace;
  /** Calls `begun` to `come` wait, oldest first: nothing overtakes here. */
  let come = 0;
  let begun = 0;
  let ended = 0;
  /** Offers of a free slot, oldest first; one of a runner that has left or filled up counts for nothing. */
  let offers: Runner[] = [];
  let offered = 0;
  const offset = options.now() - clock.mono();

  const publish = (): void => {
    const oldest = calls[begun];
    const waiting = come - begun;
    memory.queue = {
      ...memory.queue,
      waiting,
      active: begun - ended,
      oldestWaitAt: waiting > 0 && oldest !== undefined ? Math.round(oldest.at) : null,
    };
    meter.queue(waiting, begun - ended);
  };

  const offer = (runner: Runner): void => {
    if (runner.state === 'ready' && runner.active < slots) offers.push(runner);
  };

  const serve = (): void => {
    if (memory.queue.paused) return;
    while (begun < come && offered < offers.length) {
      const runner = offers[offered] as Runner;
      offered += 1;
      if (runner.state === 'ready' && runner.active < slots) begin(runner, calls[begun] as TracedCall);
    }
    if (offered < 1_000 || offered * 2 < offers.length) return;
    offers = offers.slice(offered);
    offered = 0;
  };

  const begin = (runner: Runner, call: TracedCall): void => {
    begun += 1;
    runner.active += 1;
    runner.idleSince = 0;
    meter.began(options.now() - call.at);
    clock.at(clock.mono() + call.durationMs, () => {
      // Its machine was ended by force; the call runs again elsewhere in reality, here it counts as ended.
      ended += 1;
      runner.active -= 1;
      runner.served += 1;
      if (runner.active === 0) runner.idleSince = options.now();
      if (runner.state === 'draining') leaveIfDone(runner);
      offer(runner);
      serve();
      publish();
    });
  };

  const arrive = (): void => {
    const now = options.now();
    while (come < calls.length && (calls[come] as TracedCall).at <= now) come += 1;
    serve();
    publish();
    options.kick();
    const next = calls[come];
    if (next !== undefined) clock.at(next.at - offset, arrive);
  };

  const register = (runner: Runner): void => {
    memory.agents.set(runner.runnerId, {
      runnerId: runner.runnerId,
      pool: options.pool,
      state: runner.state,
      fault: '',
      active: runner.active,
      slots,
      idleSince: runner.active === 0 && runner.state === 'ready' ? runner.idleSince : 0,
      startedAt: runner.launchedAt,
      readyAt: runner.readyAt,
      heartbeatAt: options.now(),
      release: options.release,
      host: 'simulated',
      pid: 1,
      served: runner.served,
      busyTotalMs: 0,
      idleTotalMs: 0,
      drainTotalMs: 0,
      roundTripMs: 0,
      ackedDrain: runner.ackedDrain,
      reason: '',
      drain: memory.agents.get(runner.runnerId)?.drain ?? 0,
      drainReason: memory.agents.get(runner.runnerId)?.drainReason ?? '',
      parked: false,
    });
    if (runner.state === 'ended') memory.index.delete(runner.runnerId);
    else memory.index.add(runner.runnerId);
  };

  const beat = (runner: Runner): void => {
    if (runner.state === 'ended') return;
    register(runner);
    clock.at(clock.mono() + HEARTBEAT_MS, () => beat(runner));
  };

  const boot = (runner: Runner): void => {
    if (runner.goneAt !== null) return;
    runner.state = 'ready';
    runner.readyAt = options.now();
    runner.idleSince = options.now();
    for (let i = 0; i < slots; i += 1) offers.push(runner);
    meter.ready(1);
    beat(runner);
    serve();
    publish();
    options.kick();
  };

  const leaveIfDone = (runner: Runner): void => {
    if (runner.active > 0) return;
    runner.state = 'drained';
    runner.ackedDrain = memory.agents.get(runner.runnerId)?.drain ?? 0;
    meter.ready(-1);
    register(runner);
    options.kick();
  };

  const end = (runner: Runner): void => {
    if (runner.goneAt !== null) return;
    runner.goneAt = options.now();
    if (runner.state === 'ready' || runner.state === 'draining') meter.ready(-1);
    runner.state = 'ended';
    if (memory.agents.has(runner.runnerId)) register(runner);
    meter.ended(runner.goneAt - runner.launchedAt);
    options.kick();
  };

  const add = (runnerId: string): Runner => {
    const at = options.now();
    const runner: Runner = {
      runnerId,
      launchedAt: at,
      state: 'starting',
      readyAt: 0,
      active: 0,
      served: 0,
      idleSince: 0,
      ackedDrain: 0,
      goneAt: null,
    };
    runners.set(runnerId, runner);
    return runner;
  };

  /** The order to drain, and its end: a runner hears of both at once. */
  const hear = (runnerId: string): void => {
    const runner = runners.get(runnerId);
    const order = memory.agents.get(runnerId)?.drain ?? 0;
    if (runner === undefined) return;
    if (order !== 0 && runner.state === 'ready') {
      runner.state = 'draining';
      register(runner);
      leaveIfDone(runner);
    } else if (order === 0 && runner.state === 'draining') {
      runner.state = 'ready';
      for (let i = runner.active; i < slots; i += 1) offers.push(runner);
      register(runner);
      serve();
      publish();
    }
  };

  const instanceOf = ({ runnerId, launchedAt, goneAt }: Runner): Instance => ({
    id: runnerId,
    runnerId,
    pool: options.pool,
    state: goneAt === null ? 'running' : 'gone',
    launchedAt,
  });

  const backend: Backend = {
    name: 'simulated',
    defaults: options.defaults,
    async launch({ runnerId }) {
      const known = runners.get(runnerId);
      if (known !== undefined) return instanceOf(known);
      const runner = add(runnerId);
      meter.launched();
      clock.at(clock.mono() + options.bootMs(), () => boot(runner));
      return instanceOf(runner);
    },
    async list() {
      for (const [id, { goneAt }] of runners)
        if (goneAt !== null && options.now() - goneAt > SHOWN_MS) runners.delete(id);
      return [...runners.values()].map(instanceOf);
    },
    async terminate(ids) {
      for (const runner of ids.flatMap((id) => runners.get(id) ?? []))
        clock.at(clock.mono() + EXIT_MS, () => end(runner));
      return ids.map((id) => ({ id, ok: true }));
    },
  };

  for (const { from, to } of trace.pauses ?? [])
    for (const [time, paused] of [
      [from, true],
      [to, false],
    ] as const)
      if (Number.isFinite(time))
        clock.at(time - offset, () => {
          memory.queue = { ...memory.queue, paused };
          serve();
          publish();
        });
  if (calls.length > 0) clock.at((calls[0] as TracedCall).at - offset, arrive);

  return {
    backend,
    heard: (store) => ({
      ...store,
      async orderDrain(pool, epoch, order) {
        const result = await store.orderDrain(pool, epoch, order);
        if (result === 'ordered') hear(order.runnerId);
        return result;
      },
      async reactivate(pool, epoch, runnerId) {
        const result = await store.reactivate(pool, epoch, runnerId);
        if (result === 'reactivated') hear(runnerId);
        return result;
      },
    }),
    stand(runnerId) {
      const runner = add(runnerId);
      meter.stood();
      boot(runner);
      return instanceOf(runner);
    },
    done: () => ended === calls.length,
    unserved: () => calls.length - ended,
  };
};
