/** One line of a pool's history: what the charts of the dashboard and the simulator read. */
import { bootTimeMs } from './observe/measures.ts';
import type { PoolContext } from './pool-context.ts';
import type { FullPoolStatus } from './pool-status.ts';
import type { PoolSnapshot } from './store/store.ts';

/** @returns the sample, or `undefined` between two ticks: kicks must not make the history denser. */
export const sampleOf = (
  ctx: PoolContext,
  snapshot: PoolSnapshot | null,
  status: FullPoolStatus,
): Readonly<Record<string, string | number>> | undefined => {
  const now = ctx.clock.mono();
  if (snapshot === null || now - ctx.memory.sampledAt < ctx.timing.tickMs * 0.8) return undefined;
  ctx.memory.sampledAt = now;
  const { states } = status;
  return {
    waiting: snapshot.waiting + snapshot.prioritized,
    dueSoon: snapshot.dueSoon,
    active: snapshot.active,
    oldestWaitMs: snapshot.oldestWaitAt === null ? 0 : Math.max(0, snapshot.now - snapshot.oldestWaitAt),
    paused: snapshot.paused ? 1 : 0,
    desired: status.desired ?? -1,
    wanted: status.wanted ?? -1,
    useful: status.useful,
    serviceTimeMs: rounded(ctx.memory.measures.serviceTimeMs),
    bootTimeMs: rounded(bootTimeMs(ctx.memory.measures)),
    physical: status.physical,
    requested: states.requested,
    booting: states.booting,
    ready: states.ready,
    draining: states.draining,
    terminating: states.terminating,
    failed: states.failed,
    lost: states.lost,
  };
};

const rounded = (ms: number | null): number => (ms === null ? -1 : Math.round(ms));
