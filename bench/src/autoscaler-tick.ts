/**
 * CPU time of one autoscaler tick over 100 pools with 5,000 runners, against ten times a tick over 10 pools with 500: the
 * design wants linear growth. Measured through a dry run, which observes and plans all that a tick does, on a real Redis; the
 * machines are entries of a list.
 */
import { createAutoscaler } from '@flamejs/autoscaler';
import { beat, connect, disconnect, poolKeys } from '@flamejs/protocol';
import { type Backend, defineConfig, type Instance } from '@flamejs/queue';
import { pino } from 'pino';
import type { Case } from './case.ts';
import type { World } from './world.ts';

const PER_POOL = 50;
const READY_MS = 120_000;

export const TICK = 'CPU of a tick over 100 pools with 5,000 runners';

export const tickCase = async (world: World): Promise<{ readonly case: Case; stop(): Promise<void> }> => {
  const large = await startSite(world, 100);
  const small = await startSite(world, 10);
  return {
    case: {
      name: TICK,
      unit: 'ms',
      budget: 1.5,
      peerName: 'ten ticks over 10 pools with 500 runners',
      rounds: 7,
      ours: () => cpuOf(1, large.tick),
      peer: () => cpuOf(10, small.tick),
    },
    async stop() {
      await large.stop();
      await small.stop();
    },
  };
};

const cpuOf = async (times: number, work: () => Promise<unknown>): Promise<number> => {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i += 1) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
};

/** An app whose pools are all at their number of runners. */
const startSite = async ({ url }: World, pools: number) => {
  const redis = connect({ kind: 'single', url, options: {} }, 'steady', 'bench');
  const app = `bench-tick-${pools}`;
  const instances: Instance[] = [];
  const ticks = { tickMs: 1_000, fastTickMs: 500 };
  const backend: Backend = {
    name: 'list',
    get defaults() {
      return {
        bootTimeoutMs: 600_000,
        idleShutdownAfterMs: 600_000,
        heartbeatTimeoutMs: 600_000,
        failsafeTimeoutMs: 600_000,
        launchesPerTick: 10_000,
        ...ticks,
      };
    },
    async launch({ runnerId, pool, release }) {
      const keys = poolKeys('flame', app, pool);
      await beat(redis, keys, runnerId, 0, { state: 'ready', active: 0, slots: 2, release, served: 0 });
      const instance: Instance = { id: runnerId, runnerId, pool, state: 'running', launchedAt: 0 };
      instances.push(instance);
      return instance;
    },
    list: async () => instances,
    terminate: async (ids) => ids.map((id) => ({ id, ok: true })),
  };
  const names = Array.from({ length: pools }, (_, i) => `p${i}`);
  const config = defineConfig({
    app,
    redis: url,
    functions: [],
    pools: Object.fromEntries(names.map((name) => [name, { min: PER_POOL, max: PER_POOL, backend }])),
  });
  const autoscaler = createAutoscaler(config, { logger: pino({ level: 'silent' }) });
  await autoscaler.start();
  const until = performance.now() + READY_MS;
  const ready = (): number => Object.values(autoscaler.status().pools).reduce((sum, pool) => sum + pool.ready, 0);
  while (ready() < pools * PER_POOL) {
    if (performance.now() > until) throw new Error(`${ready()} of ${pools * PER_POOL} runners are ready`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // From here on nobody ticks but the measurement.
  Object.assign(ticks, { tickMs: 3_600_000, fastTickMs: 3_600_000 });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  return {
    tick: () => autoscaler.dryRun(),
    async stop() {
      await autoscaler.stop({ drain: false });
      disconnect(redis);
    },
  };
};
