/** What the parts of a pool's loop share within one term. */

import type { Housekeeping } from '@flamejs/protocol';
import type { Backend, PoolBackend, PoolConfig } from '@flamejs/queue';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { Core } from './core.ts';
import type { Environment } from './environment.ts';
import type { HookRunner } from './execute/hooks.ts';
import type { BreakerTiming } from './plan/breaker.ts';
import type { LimiterRate } from './plan/limiter.ts';
import type { PoolMemory } from './pool-memory.ts';
import type { NewEvent, Store } from './store/store.ts';
import type { Term } from './term.ts';
import type { Timing } from './timing.ts';

export interface PoolContext {
  readonly pool: PoolConfig;
  readonly app: string;
  readonly owner: string;
  /** A platform that does not ask is told its number. */
  readonly push: boolean;
  /** The autoscaler's own. */
  readonly release: string;
  /** The application's folder. */
  readonly root: string;
  readonly backend: PoolBackend;
  /** Where the backend sees instances, when that is one host only. */
  readonly location: string | null;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: HookRunner;
  readonly term: Term;
  readonly memory: PoolMemory;
  readonly timing: Timing;
  readonly rate: LimiterRate;
  readonly breakerTiming: BreakerTiming;
  readonly environment: Environment;
  readonly housekeeping: Housekeeping | undefined;
  readonly core: Core;
  /** Bounds the provider calls that run at once. */
  readonly limit: <T>(work: () => Promise<T>) => Promise<T>;
  /** Physical instances of the pool now, for hooks. */
  count(): number;
  emit(event: NewEvent): void;
  /** Runs an action on these runners apart from the tick; until it ends, no other action touches them. */
  begin(runnerIds: readonly string[], work: () => Promise<void>): void;
  /** Asks for another tick soon: something has just changed. */
  wake(): void;
}

/** A pool whose runners this autoscaler launches and ends. */
export interface LaunchingPool extends PoolContext {
  readonly backend: Backend;
}
