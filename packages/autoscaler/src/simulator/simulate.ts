/**
 * The real controller on a virtual clock: what a pool would do with calls that come as a trace says. It decides by the very
 * code that decides in production, on a store in memory and with machines that only take their time to boot.
 */
import type { AppConfig, PoolConfig, PoolSettings, Simulation, SimulationOptions, Trace } from '@flamejs/queue';
import { parseConfig } from '@flamejs/queue/internal';
import { pino } from 'pino';
import { LOCAL_DEFAULTS } from '../backends/local/defaults.ts';
import { createController } from '../controller.ts';
import { createLeader, LEASE_MS, RENEW_MS } from '../leader.ts';
import { encodeIntent, newIntent } from '../record/intent.ts';
import { newRunnerId } from '../record/runner-id.ts';
import { memoryStore, memoryWorld } from '../store/memory-store.ts';
import { createWaker } from '../wake.ts';
import { createFleet } from './fleet.ts';
import { createMeter } from './meter.ts';
import { type VirtualClock, virtualClock } from './virtual-clock.ts';

const OWNER = 'aaaaaa';
const RELEASE = 'simulated';
const POINTS = 400;
/** More runners than these are not simulated, nor so many looks at one: somebody waits for the answer. */
const MOST_RUNNERS = 500;
const MOST_LOOKS = 5_000_000;
/** After the end of the trace: how long it is waited for calls that are still to be served, as a share of its length, and at least. */
const PATIENCE = 0.5;
const LEAST_PATIENCE_MS = 10 * 60_000;
const LEAST_LOOKS = 10_000;

/** @see Tuner.simulate */
export const simulate = async (
  pool: PoolConfig,
  settings: PoolSettings,
  trace: Trace,
  options: SimulationOptions = {},
): Promise<Simulation> => {
  const defaults = pool.backend?.defaults ?? LOCAL_DEFAULTS;
  const lengthMs = Math.max(0, trace.endAt - trace.startAt);
  const most = Math.min(settings.max, MOST_RUNNERS);
  const bounded = { ...settings, max: most, min: Math.min(settings.min, most) };
  const slots = pool.singleUse ? 1 : pool.maxConcurrency;
  const clock = virtualClock();
  const offset = trace.startAt - clock.mono();
  const now = (): number => clock.mono() + offset;
  const world = memoryWorld(now);
  const memory = world.pool(pool.name);
  const meter = createMeter({
    slots,
    minimumBilledMs: options.minimumBilledMs ?? 0,
    pricePerHour: options.pricePerHour ?? null,
    now,
  });
  const bootMs = trace.bootMs ?? guessedBootMs(pool);
  const fleet = createFleet({
    clock,
    pool: pool.name,
    slots,
    defaults,
    memory,
    trace,
    release: RELEASE,
    meter,
    bootMs: () => bootMs,
    now,
    kick: () => waker.kick(pool.name, true),
  });
  for (const [name, text] of Object.entries(liveOf(bounded))) memory.settings.set(name, text);

  const config = configOf({ ...pool, ...staticOf(bounded), backend: fleet.backend, hooks: {}, idleUnless: undefined });
  const store = fleet.heard(memoryStore(world));
  const log = pino({ level: 'silent' });
  const leader = createLeader({ store, clock, log, holder: 'simulation', leaseMs: LEASE_MS });
  const controller = createController({
    config,
    store,
    clock,
    log,
    leader,
    owner: OWNER,
    backendOf: () => fleet.backend,
    wake: (name) => waker.kick(name, false),
  });
  let looks = 0;
  const waker = createWaker({
    clock,
    pools: [pool.name],
    tick(pools, cachedList) {
      looks += world.intents.size;
      return controller.tick({ pools, cachedList });
    },
    every: (_, expecting) => (expecting ? defaults.fastTickMs : defaults.tickMs),
  });
  const renew = (): void => {
    void leader.keep();
    clock.after(RENEW_MS, renew);
  };
  renew();
  for (let i = 0; i < Math.min(most, trace.runnersAtStart ?? bounded.min); i += 1) {
    const runnerId = newRunnerId(pool.name, OWNER);
    const { id: instanceId } = fleet.stand(runnerId);
    const asked = {
      runnerId,
      pool: pool.name,
      backend: 'simulated',
      release: RELEASE,
      slots,
      env: {},
      reason: 'it was there',
    };
    const record = newIntent(asked, now());
    world.intents.set(
      runnerId,
      encodeIntent({
        ...record,
        state: 'ready',
        readyAt: now(),
        instanceId,
        launch: { ...record.launch, outcome: 'accepted', acceptedAt: now() },
      }),
    );
  }
  const pointsAt = options.pointsAt ?? evenly(trace.startAt, trace.endAt);
  for (const at of pointsAt) clock.at(at - offset, () => meter.point(at));

  waker.start();
  const isTooMuch = (): boolean => looks > MOST_LOOKS;
  await pass(clock, lengthMs, isTooMuch);
  const atEnd = looks;
  const isOver = (): boolean => fleet.done() || looks > Math.min(MOST_LOOKS, 2 * atEnd + LEAST_LOOKS);
  await pass(clock, Math.max(lengthMs * PATIENCE, LEAST_PATIENCE_MS), isOver);
  const status = controller.statuses()[pool.name];
  await waker.stop();
  const workMs = trace.calls.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const notes = [trace.resolution, `boots of ${Math.round(bootMs)} ms${trace.bootMs === undefined ? ', a guess' : ''}`];
  if (most < settings.max) notes.push(`not more than ${most} runners are simulated`);
  if (isTooMuch())
    notes.push(
      `it ended ${Math.round((now() - trace.startAt) / 1_000)} s after the beginning: so many runners for so long take too much time`,
    );
  return {
    points: meter.points(),
    totals: meter.totals(fleet.unserved()),
    lowerBoundMs: Math.round(workMs / slots),
    notes,
    reasons: status?.reasons ?? [],
  };
};

/** In steps, so that what takes too long can be left. */
const pass = async (clock: VirtualClock, ms: number, isOver: () => boolean): Promise<void> => {
  const stepMs = Math.max(1_000, ms / 1_000);
  for (let passed = 0; passed < ms && !isOver(); passed += stepMs) await clock.advance(Math.min(stepMs, ms - passed));
};

const evenly = (from: number, to: number): readonly number[] =>
  to > from ? Array.from({ length: POINTS }, (_, i) => from + ((to - from) * i) / (POINTS - 1)) : [];

/** Until a boot has been measured: a good part of what the backend is given at most. */
const guessedBootMs = ({ backend, bootTimeoutMs }: PoolConfig): number =>
  (backend?.defaults.bootTimeoutMs ?? bootTimeoutMs) / 10;

const staticOf = ({ min, max, buffer, policy, idleShutdownAfterMs, scaleDownWindowMs }: PoolSettings) => ({
  min,
  max,
  buffer,
  policy,
  idleShutdownAfterMs,
  scaleDownWindowMs,
});

/** What only a live setting can say. */
const liveOf = ({ allowIn, allowOut, override }: PoolSettings): Readonly<Record<string, string>> => {
  const paused = allowIn ? (allowOut ? '' : 'out') : allowOut ? 'in' : 'all';
  return {
    ...(paused === '' ? {} : { paused }),
    ...(override === null ? {} : { override: JSON.stringify({ ...override, until: Number.MAX_SAFE_INTEGER }) }),
  };
};

const configOf = (pool: PoolConfig): AppConfig => {
  const input = { app: 'simulation', redis: 'redis://localhost', pools: { [pool.name]: {} } };
  const config = parseConfig(
    input as never,
    { root: '/', configFile: undefined, env: { FLAME_RELEASE: RELEASE } } as never,
  );
  return { ...config, pools: { [pool.name]: pool } };
};
