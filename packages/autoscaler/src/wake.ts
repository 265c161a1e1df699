/** When to tick: the first kick at once, then at most one each 250 ms, and by the clock anyway. */
import type { Clock } from './clock.ts';

export interface WakerOptions {
  readonly clock: Clock;
  readonly pools: readonly string[];
  /** @returns the pools in which something is expected to change soon */
  tick(pools: ReadonlySet<string>, cachedList: boolean): Promise<ReadonlySet<string>>;
  /** Milliseconds between two ticks of a pool. */
  every(pool: string, expecting: boolean): number;
}

export interface Waker {
  start(): void;
  /** Asks for a tick of one pool (of all without a name). */
  kick(pool: string | undefined, cachedList: boolean): void;
  /** No more ticks; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

const KICK_EVERY_MS = 250;

export const createWaker = ({ clock, pools, tick, every }: WakerOptions): Waker => {
  const due = new Map<string, number>();
  /** Pools that were kicked, and whether a list as old as a tick will do for them. */
  const kicked = new Map<string, boolean>();
  let kickAllowedAt = 0;
  let running: Promise<void> | null = null;
  let cancel: (() => void) | null = null;
  let stopped = true;

  const arm = (): void => {
    if (stopped || running !== null) return;
    cancel?.();
    const now = clock.mono();
    const next = Math.min(...due.values(), kicked.size > 0 ? kickAllowedAt : Number.POSITIVE_INFINITY);
    cancel = clock.after(Math.max(0, next - now), () => {
      cancel = null;
      running = run().finally(() => {
        running = null;
        arm();
      });
    });
  };

  const run = async (): Promise<void> => {
    const now = clock.mono();
    const byClock = pools.filter((pool) => (due.get(pool) ?? 0) <= now);
    const byKick = now >= kickAllowedAt ? [...kicked.keys()] : [];
    const cachedList = byClock.length === 0 && byKick.every((pool) => kicked.get(pool) === true);
    if (byKick.length > 0) kickAllowedAt = now + KICK_EVERY_MS;
    for (const pool of [...byKick, ...byClock]) kicked.delete(pool);
    const chosen = new Set([...byClock, ...byKick]);
    if (chosen.size === 0) return;
    const expecting = await tick(chosen, cachedList);
    for (const pool of chosen) due.set(pool, clock.mono() + jitter(every(pool, expecting.has(pool)), clock.random()));
  };

  return {
    start() {
      stopped = false;
      for (const pool of pools) due.set(pool, clock.mono());
      arm();
    },
    kick(pool, cachedList) {
      for (const name of pool !== undefined && pools.includes(pool) ? [pool] : pools) {
        kicked.set(name, cachedList && kicked.get(name) !== false);
      }
      arm();
    },
    async stop() {
      stopped = true;
      cancel?.();
      await running;
    },
  };
};

/** So that many autoscalers on one account do not ask in step. */
const jitter = (ms: number, random: number): number => ms * (0.9 + random * 0.2);
