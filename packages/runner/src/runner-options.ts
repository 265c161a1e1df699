/** What a runner is made of, and what can be asked of it. */
import type { PoolConfig } from '@flamejs/queue';
import type { NestedService } from '@flamejs/queue/nested-service';
import type { Logger } from 'pino';
import type { Executors } from './open-executors.ts';
import type { Standing } from './registration.ts';

export interface RunnerOptions {
  readonly pool: PoolConfig;
  readonly runnerId: string;
  /** Closed with the runner. */
  readonly executors: Executors;
  readonly logger: Logger;
  /** It was launched by an autoscaler, and ends when that is gone. */
  readonly managed: boolean;
  /** The pod or task in which a platform keeps it, which alone ends it; `undefined` for every other runner. */
  readonly platform?: string | undefined;
  /** Makes the calls that functions make; without it they are refused. Stays the owner's. */
  readonly nested?: NestedService | undefined;
  /** Told how many calls run now, whenever that changes. */
  readonly onLoad?: ((active: number) => void) | undefined;
  /** Redis has answered a heartbeat. */
  readonly onContact?: (() => void) | undefined;
}

export interface Runner {
  readonly runnerId: string;
  readonly state: Standing['state'];
  /**
   * @returns when it takes calls.
   * @throws FlameConfigError, FlameBootError or a connection error; the runner has ended then.
   */
  start(): Promise<void>;
  /** Drains and ends. What still runs after the pool's `shutdownTimeout` goes back to the queue. @returns when it has ended */
  stop(reason: string): Promise<void>;
  /** Does not wait any longer for what runs. */
  cutShort(): void;
  /** Takes nothing new, lets running calls finish in their own time, and ends. */
  retire(reason: string): void;
  /** Resolves with the reason when it has ended. */
  readonly ended: Promise<string>;
}
