/**
 * What must happen in a pool although no runner and no caller is alive: stalled calls back, due ones promoted, waiting
 * that lasted too long ended, leftovers swept. The leader does it for every pool, so that nothing depends on a runner.
 */
import { type Housekeeping, LIMIT_SWEEP_MS, LOCK_MS, STALLED_CHECK_MS } from '@flamejs/protocol';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';

export interface HousekeeperOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly pools: readonly string[];
  /** Others, that are not in the config and hold calls. */
  unserved?(): Promise<readonly string[]>;
  housekeepingOf(pool: string): Housekeeping;
  /** Monotonic ms at which the connection to Redis last became usable. */
  connectedAt(): number;
  leads(): boolean;
  wake(pool: string): void;
}

export interface Housekeeper {
  start(): void;
  stop(): Promise<void>;
}

/** Sweeping reads more than the other steps and nothing waits for it. */
const SWEEP_EVERY = 15;
const SWEEP_LIMITS_EVERY = Math.ceil(LIMIT_SWEEP_MS / STALLED_CHECK_MS);

export const createHousekeeper = (options: HousekeeperOptions): Housekeeper => {
  const { clock, log, pools } = options;
  let cancel: (() => void) | null = null;
  let running: Promise<void> = Promise.resolve();
  let stopped = true;
  let round = 0;

  const step = async (pool: string, name: string, work: () => Promise<unknown>): Promise<unknown> => {
    try {
      return await work();
    } catch (error) {
      log.warn({ err: error, pool, step: name }, 'housekeeping failed; trying again');
      return undefined;
    }
  };

  const keep = async (pool: string): Promise<void> => {
    const housekeeping = options.housekeepingOf(pool);
    // After an outage every lock may have run out although its runner is well: they get one lock's time to renew.
    if (clock.mono() - options.connectedAt() >= LOCK_MS) {
      const taken = await step(pool, 'recoverStalled', () => housekeeping.recoverStalled());
      if (Array.isArray(taken) && taken.length > 0) options.wake(pool);
    }
    const promoted = await step(pool, 'promoteDelayed', () => housekeeping.promoteDelayed());
    if (typeof promoted === 'number' && promoted > 0) options.wake(pool);
    await step(pool, 'expire', () => housekeeping.expire());
    if (round % SWEEP_LIMITS_EVERY === 0) await step(pool, 'sweepLimits', () => housekeeping.sweepLimits());
    if (round % SWEEP_EVERY === 0) await step(pool, 'sweep', () => housekeeping.sweep());
  };

  const arm = (): void => {
    if (stopped) return;
    cancel = clock.after(STALLED_CHECK_MS, () => {
      running = (async () => {
        if (options.leads()) {
          round += 1;
          const others = await step('', 'unserved', async () => options.unserved?.());
          await Promise.all([...pools, ...(Array.isArray(others) ? others : [])].map(keep));
        }
      })().finally(arm);
    });
  };

  return {
    start() {
      stopped = false;
      arm();
    },
    async stop() {
      stopped = true;
      cancel?.();
      await running;
    },
  };
};
