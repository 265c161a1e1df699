/** The autoscaler as applications and the command line use it: in a process of its own or inside the app. */
import {
  type AppConfig,
  type Backend,
  FlameClosedError,
  FlameConfigError,
  type PoolBackend,
  type PoolConfig,
} from '@flamejs/queue';
import { isExternal } from '@flamejs/queue/internal';
import { type Logger, pino } from 'pino';
import { local } from './backends/local.ts';
import { type Clock, systemClock } from './clock.ts';
import { LEASE_MS } from './leader.ts';
import { beginLife, type Life } from './life.ts';
import type { Plan } from './plan/action.ts';
import type { FullPoolStatus } from './pool-status.ts';
import { checkPoolNames } from './record/runner-id.ts';

export interface AutoscalerDeps {
  readonly logger?: Logger;
  /** For pools without a `backend` of their own. Default: local processes. */
  readonly defaultBackend?: Backend;
  /** The lease of the leading autoscaler, ms. Default 15000; a crashed leader is replaced after it. */
  readonly leaseMs?: number;
  readonly clock?: Clock;
  /** Tells platforms that do not ask (`external({ ecs })`) their number while it leads. Default false. */
  readonly push?: boolean;
}

export interface StopOptions {
  /**
   * `true` drains every runner of every pool and ends it before stopping; what has not drained within `timeoutMs` is ended
   * by force. `false` leaves all of them to the next autoscaler. Default: only what is not meant to outlive this process,
   * which is local processes. Never those that a platform keeps (`external()`): it would start them again.
   */
  readonly drain?: boolean;
  /** Milliseconds that running calls are given. Default: the largest `shutdownTimeout` of the pools. */
  readonly timeoutMs?: number;
}

export interface AutoscalerStatus {
  readonly leading: boolean;
  readonly epoch: number | null;
  readonly pools: Readonly<Record<string, FullPoolStatus>>;
}

export interface Autoscaler {
  /**
   * Connects and begins. A start that fails leaves nothing behind, and may be tried again.
   * @throws FlameUnavailableError when Redis cannot be reached within `connectTimeout`
   */
  start(): Promise<void>;
  /**
   * Ends it and gives the lease back; idempotent. Without Redis it ends within `timeoutMs` and a second.
   * @returns what could not be done, in words, also logged; normally nothing. Never rejects.
   */
  stop(options?: StopOptions): Promise<readonly string[]>;
  /** What it knows at this moment; empty while another one leads. */
  status(): AutoscalerStatus;
  /** What it would do now, without doing it. */
  dryRun(): Promise<Readonly<Record<string, Plan>>>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const createAutoscaler = (config: AppConfig, deps: AutoscalerDeps = {}): Autoscaler => {
  checkPoolNames(Object.keys(config.pools));
  if (deps.push === true) checkPush(config);
  const log = deps.logger ?? pino({ name: 'flame-autoscaler' });
  let fallback: Backend | undefined = deps.defaultBackend;
  const backendOf = (pool: PoolConfig): PoolBackend => {
    if (pool.backend !== undefined) return pool.backend;
    fallback ??= local({ root: config.root, logger: log });
    return fallback;
  };
  const parts = {
    config,
    log,
    backendOf,
    clock: deps.clock ?? systemClock,
    leaseMs: deps.leaseMs ?? LEASE_MS,
    push: deps.push ?? false,
  };

  let life: Promise<Life> | undefined;
  let current: Life | undefined;
  let stopping: Promise<readonly string[]> | undefined;

  return {
    async start() {
      if (stopping !== undefined) throw new FlameClosedError('the autoscaler has been stopped');
      life ??= beginLife(parts);
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
        return (await running?.end(options)) ?? [];
      })();
      return stopping;
    },
    status: () => current?.status() ?? { leading: false, epoch: null, pools: {} },
    async dryRun() {
      if (life === undefined) throw new FlameClosedError('the autoscaler has not been started');
      return (await life).dryRun();
    },
    async [Symbol.asyncDispose]() {
      await this.stop();
    },
  };
};

/** Whoever asks for it expects that somebody is told. */
const checkPush = ({ pools }: AppConfig): void => {
  if (Object.values(pools).some(({ backend }) => isExternal(backend) && backend.push !== undefined)) return;
  const message = 'no pool has external({ ecs }): there is nobody to push a number to';
  throw new FlameConfigError(`push: ${message}`, { problems: [{ path: 'push', message }] });
};
