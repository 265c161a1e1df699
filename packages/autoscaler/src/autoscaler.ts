/** The autoscaler as applications and the command line use it: in a process of its own or inside the app. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type AppConfig, type Backend, FlameClosedError, type PoolConfig } from '@flamejs/queue';
import { type Logger, pino } from 'pino';
import { local } from './backends/local.ts';
import { type Clock, systemClock } from './clock.ts';
import { openConnections } from './connections.ts';
import { createController } from './controller.ts';
import { createHousekeeper } from './housekeeper.ts';
import { createLeader, LEASE_MS, RENEW_MS } from './leader.ts';
import type { Plan } from './plan/action.ts';
import type { FullPoolStatus } from './pool-status.ts';
import { checkPoolNames, ownerOf } from './record/runner-id.ts';
import { redisStore } from './store/redis-store.ts';
import { createWaker } from './wake.ts';

export interface AutoscalerDeps {
  readonly logger?: Logger;
  /** For pools without a `backend` of their own. Default: local processes. */
  readonly defaultBackend?: Backend;
  /** The lease of the leading autoscaler, ms. Default 15000; a crashed leader is replaced after it. */
  readonly leaseMs?: number;
  readonly clock?: Clock;
}

export interface StopOptions {
  /**
   * `true` drains every runner of every pool and ends it before stopping; what has not drained within `timeoutMs` is ended
   * by force. `false` leaves all of them to the next autoscaler. Default: only what is not meant to outlive this process,
   * which is local processes.
   */
  readonly drain?: boolean;
  /** Milliseconds. Default: the largest `shutdownTimeout` of the pools. */
  readonly timeoutMs?: number;
}

export interface AutoscalerStatus {
  readonly leading: boolean;
  readonly epoch: number | null;
  readonly pools: Readonly<Record<string, FullPoolStatus>>;
}

export interface Autoscaler {
  /** Connects and begins. @throws FlameUnavailableError when Redis cannot be reached within `connectTimeout` */
  start(): Promise<void>;
  /** Ends it and gives the lease back; idempotent. */
  stop(options?: StopOptions): Promise<void>;
  /** What it knows at this moment; empty while another one leads. */
  status(): AutoscalerStatus;
  /** What it would do now, without doing it. */
  dryRun(): Promise<Readonly<Record<string, Plan>>>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const createAutoscaler = (config: AppConfig, deps: AutoscalerDeps = {}): Autoscaler => {
  const names = Object.keys(config.pools);
  checkPoolNames(names);
  const clock = deps.clock ?? systemClock;
  const log = deps.logger ?? pino({ name: 'flame-autoscaler' });
  let fallback: Backend | undefined = deps.defaultBackend;
  const backendOf = (pool: PoolConfig): Backend => {
    if (pool.backend !== undefined) return pool.backend;
    fallback ??= local({ root: config.root, logger: log });
    return fallback;
  };
  const backends = (): readonly Backend[] => [...new Set(Object.values(config.pools).map(backendOf))];

  let life: Promise<Life> | undefined;
  let current: Life | undefined;
  let stopping: Promise<void> | undefined;

  interface Life {
    end(options: StopOptions): Promise<void>;
    status(): AutoscalerStatus;
    dryRun(): Promise<Readonly<Record<string, Plan>>>;
  }

  const begin = async (): Promise<Life> => {
    const connections = await openConnections(config, clock, log);
    const store = redisStore({ client: connections.store, prefix: config.prefix, app: config.app, clock });
    const holder = `${hostname()}:${process.pid}:${randomBytes(6).toString('hex')}`;
    const leader = createLeader({ store, clock, log, holder, leaseMs: deps.leaseMs ?? LEASE_MS });
    const controller = createController({
      config,
      store,
      clock,
      log,
      leader,
      owner: ownerOf(config.app, config.prefix, config.redis),
      backendOf,
      housekeepingOf: connections.housekeepingOf,
      wake: (pool) => waker.kick(pool, false),
    });
    const waker = createWaker({
      clock,
      pools: names,
      tick: (pools, cachedList) => controller.tick({ pools, cachedList }),
      every: (name, expecting) => {
        const pool = config.pools[name];
        const defaults = pool === undefined ? undefined : backendOf(pool).defaults;
        return (expecting ? defaults?.fastTickMs : defaults?.tickMs) ?? 1_000;
      },
    });
    const housekeeper = createHousekeeper({
      clock,
      log,
      pools: names,
      housekeepingOf: connections.housekeepingOf,
      connectedAt: connections.connectedAt,
      leads: () => leader.current() !== null,
      wake: (pool) => waker.kick(pool, true),
    });

    let renewal: Promise<unknown> = Promise.resolve();
    let cancelRenewal = (): void => {};
    const renew = (): void => {
      const led = leader.current()?.epoch;
      renewal = leader.keep().then((term) => {
        if (term !== null && term.epoch !== led) waker.kick(undefined, false);
        cancelRenewal = clock.after(Math.min(RENEW_MS, (deps.leaseMs ?? LEASE_MS) / 3), renew);
      });
    };
    renew();
    const unsubscribe = await connections.onKick((pool) => waker.kick(pool, true));
    const unwatch = backends().flatMap((backend) => watchInstances(backend, (pool) => waker.kick(pool, false)));
    waker.start();
    housekeeper.start();

    return {
      async end(options) {
        const ending = poolsToEnd(options.drain);
        if (ending.length > 0) {
          const graceMs = options.timeoutMs ?? Math.max(...ending.map((pool) => pool.shutdownTimeoutMs));
          await drainPools(new Set(ending.map(({ name }) => name)), graceMs);
        }
        for (const stop of unwatch) stop();
        await unsubscribe();
        await Promise.all([waker.stop(), housekeeper.stop()]);
        await controller.finish();
        await renewal;
        cancelRenewal();
        await leader.release().catch((error: unknown) => log.warn({ err: error }, 'the lease runs out by itself'));
        await Promise.all(backends().map((backend) => backend.close?.()));
        connections.close();
      },
      status: () => ({
        leading: leader.current() !== null,
        epoch: leader.current()?.epoch ?? null,
        pools: leader.current() === null ? {} : controller.statuses(),
      }),
      dryRun: () => controller.dryRun(),
    };

    function poolsToEnd(drain: boolean | undefined): readonly PoolConfig[] {
      if (drain === false || leader.current() === null) return [];
      return Object.values(config.pools).filter((pool) => drain === true || endsWithUs(backendOf(pool)));
    }

    async function drainPools(pools: ReadonlySet<string>, graceMs: number): Promise<void> {
      controller.close({ deadlineMs: graceMs, force: false, pools });
      if (await emptied(pools, graceMs + FORCE_AFTER_MS)) return;
      log.warn('runners have not drained in time; ending them by force');
      controller.close({ deadlineMs: 0, force: true, pools });
      if (!(await emptied(pools, FORCE_WITHIN_MS)))
        log.error({ left: controller.physical(pools) }, 'instances are left');
    }

    /** Ticks closely until nothing is left. */
    async function emptied(pools: ReadonlySet<string>, withinMs: number): Promise<boolean> {
      const until = clock.mono() + withinMs;
      for (let ticks = 0; clock.mono() < until; ticks += 1) {
        if (leader.current() === null) return true;
        await controller.tick({ pools });
        await controller.settle();
        // The first tick only gives the orders; its count is from before them.
        if (ticks > 0 && controller.physical(pools) === 0) return true;
        await new Promise<void>((resolve) => void clock.after(100, resolve));
      }
      return false;
    }
  };

  return {
    async start() {
      if (stopping !== undefined) throw new FlameClosedError('the autoscaler has been stopped');
      life ??= begin();
      try {
        current = await life;
      } catch (error) {
        life = undefined;
        throw error;
      }
    },
    stop(options = {}) {
      stopping ??= (async () => {
        const running = await life?.catch(() => undefined);
        await running?.end(options);
      })();
      return stopping;
    },
    status: () => current?.status() ?? { leading: false, epoch: null, pools: {} },
    async dryRun() {
      if (life === undefined) throw new FlameClosedError('the autoscaler has not been started');
      return (await life).dryRun();
    },
    [Symbol.asyncDispose]() {
      return this.stop();
    },
  };
};

/** Slack for the walk from a runner's own end to a list that no longer has it. */
const FORCE_AFTER_MS = 3_000;
const FORCE_WITHIN_MS = 15_000;

const endsWithUs = (backend: Backend): boolean =>
  (backend as { readonly endsWithAutoscaler?: unknown }).endsWithAutoscaler === true;

/** A backend that learns by itself that an instance has ended says so, and its pool is looked at at once. */
const watchInstances = (backend: Backend, changed: (pool: string) => void): readonly (() => void)[] => {
  const watchable = backend as { readonly onChange?: (listener: (pool: string) => void) => () => void };
  return typeof watchable.onChange === 'function' ? [watchable.onChange(changed)] : [];
};
