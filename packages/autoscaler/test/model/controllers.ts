/** Real controllers on the model: two of them, each of which can die, freeze and come back. */
import type { AppConfig, Backend, PoolConfig } from '@flamejs/queue';
import { pino } from 'pino';
import { type Controller, createController } from '../../src/controller.ts';
import type { Core } from '../../src/core.ts';
import { createLeader, LEASE_MS, type Leader } from '../../src/leader.ts';
import type { Store } from '../../src/store/store.ts';
import { createGate, type Gate } from './gate.ts';
import { POOL, SLOTS, type World } from './world.ts';

/** What the sabotage tests take out. */
export interface Sabotage {
  readonly core?: Partial<Core>;
  store?(store: Store): Store;
  backend?(backend: Backend): Backend;
}

export interface Actor {
  readonly gate: Gate;
  readonly leader: Leader;
  readonly controller: Controller;
  /** Ticks are asked for, not awaited: the controller may be frozen or dead in one. */
  tick(): void;
  lastRenewal: number;
}

export const OWNER = 'aaaaaa';

let lives = 0;

export const createActor = (world: World, core: Core, sabotage: Sabotage, pool: Partial<PoolConfig> = {}): Actor => {
  lives += 1;
  const gate = createGate();
  const reached = gate.wrap(world.store());
  const store = sabotage.store?.(reached) ?? reached;
  const provider = gate.wrap<Backend>(world.backend);
  const backend = sabotage.backend?.(provider) ?? provider;
  const { clock } = world;
  const log = pino({ level: process.env.MODEL_LOG ?? 'silent' });
  const leader = createLeader({ store, clock, log, holder: `life-${lives}`, leaseMs: LEASE_MS });
  const controller = createController({
    config: modelConfig(world, backend, pool),
    store,
    clock,
    log,
    leader,
    owner: OWNER,
    backendOf: () => backend,
    core: { ...core, ...sabotage.core },
  });
  const actor: Actor = {
    gate,
    leader,
    controller,
    lastRenewal: Number.NEGATIVE_INFINITY,
    tick() {
      if (clock.mono() - actor.lastRenewal >= 5_000) {
        actor.lastRenewal = clock.mono();
        void leader.keep();
      }
      void controller.tick();
    },
  };
  return actor;
};

export const modelConfig = (world: World, backend: Backend, change: Partial<PoolConfig>): AppConfig => {
  const pool: PoolConfig = {
    name: POOL,
    min: 1,
    max: world.max,
    maxConcurrency: SLOTS,
    singleUse: false,
    maxCallsPerExecutor: undefined,
    timeoutMs: 30_000,
    bootTimeoutMs: backend.defaults.bootTimeoutMs,
    shutdownTimeoutMs: 30_000,
    idleShutdownAfterMs: backend.defaults.idleShutdownAfterMs,
    idleUnless: undefined,
    heartbeatTimeoutMs: 600_000,
    failsafeTimeoutMs: 600_000,
    scaleDownWindowMs: backend.defaults.idleShutdownAfterMs,
    isolation: 'process',
    memoryLimit: undefined,
    killGraceMs: 1_000,
    releasePolicy: 'compatible',
    functions: [],
    payloadLimit: 1_000_000,
    streamWindow: 4 * 1024 * 1024,
    streamRetention: 1024 * 1024,
    readTimeoutMs: 300_000,
    idleTimeoutMs: 60_000,
    maxPending: 1_000_000,
    limits: {},
    callAccess: 'own',
    env: {},
    passEnv: [],
    keep: [],
    backend,
    policy: undefined,
    buffer: 0,
    price: undefined,
    hooks: {},
    ...change,
  };
  return {
    app: 'model',
    prefix: 'flame',
    quota: world.quota,
    redis: { kind: 'single', url: 'redis://model', options: {} },
    connectTimeoutMs: 5_000,
    functions: [],
    root: '/',
    configFile: undefined,
    release: 'r1',
    telemetry: undefined,
    alerts: undefined,
    signingKey: undefined,
    encryptionKeys: [],
    payload: [],
    heartbeatTimeoutMs: undefined,
    failsafeTimeoutMs: undefined,
    maxCallDepth: 32,
    maxLoopRate: 10,
    signatureTtlMs: 30 * 86_400_000,
    requireSignedTime: false,
    allowEviction: false,
    allowInsecureRedis: false,
    pools: { [POOL]: pool },
  };
};
