/**
 * Runs the schedules of all pools while this autoscaler leads: at the moments themselves, and each second for those that somebody has
 * just made.
 */
import type { Housekeeping } from '@flamejs/protocol';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';

export interface ScheduleKeeperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly pools: readonly string[];
  housekeepingOf(pool: string): Housekeeping;
  leads(): boolean;
  wake(pool: string): void;
}

export interface ScheduleKeeper {
  start(): void;
  stop(): Promise<void>;
}

const LOOK_MS = 1_000;
/** A moment that is closer than this is met by the same look. */
const SOONEST_MS = 10;

export const createScheduleKeeper = (options: ScheduleKeeperOptions): ScheduleKeeper => {
  const { clock, log, pools, leads } = options;
  let cancel: (() => void) | null = null;
  let running: Promise<void> = Promise.resolve();
  let stopped = true;

  /** @returns ms until the pool's next moment, as far as that is sooner than the next look */
  const run = async (pool: string): Promise<number> => {
    try {
      const { cast, nextInMs = LOOK_MS } = await options.housekeepingOf(pool).castScheduled();
      if (cast.length > 0) options.wake(pool);
      return nextInMs;
    } catch (error) {
      log.warn({ err: error, pool }, 'running schedules failed; trying again');
      return LOOK_MS;
    }
  };

  const look = async (): Promise<number> =>
    leads() ? Math.max(SOONEST_MS, Math.min(LOOK_MS, ...(await Promise.all(pools.map(run))))) : LOOK_MS;

  const arm = (inMs: number): void => {
    if (stopped) return;
    cancel = clock.after(inMs, () => {
      running = look().then(arm);
    });
  };

  return {
    start() {
      stopped = false;
      arm(LOOK_MS);
    },
    async stop() {
      stopped = true;
      cancel?.();
      await running;
    },
  };
};
