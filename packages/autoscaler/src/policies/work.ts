/** A policy for calls that are much shorter than a boot: it counts the work, not the calls. */
import type { Policy } from '@flamejs/queue';
import { demand, runnable } from './demand.ts';
import { queueDepth } from './queue-depth.ts';

export interface WorkOptions {
  /** Milliseconds in which the backlog may be worked off. Default: the pool's measured boot time; the larger one counts. */
  readonly withinMs?: number;
}

/**
 * As many runners as finish the backlog within a boot time (or `withinMs`), given how long calls take. Never more than
 * `queueDepth()` would ask for, and at least one while there is anything to do. Until a call's duration has been measured
 * it answers like `queueDepth()`.
 */
export const work = (options: WorkOptions = {}): Policy => {
  const level = queueDepth();
  return {
    name: 'work',
    desired(observation, pool) {
      const most = level.desired(observation, pool, undefined);
      const service = observation.serviceTimeMs;
      if (most === 'hold' || service === null) return most;
      const horizon = Math.max(observation.bootTimeMs ?? pool.bootTimeoutMs, options.withinMs ?? 0, 1);
      const { queue } = observation;
      const busy = queue.active + queue.orphanActive;
      const slots = busy + (runnable(queue) * service) / horizon + pool.buffer;
      const least = demand(queue) > 0 ? 1 : 0;
      const desired = Math.max(least, Math.min(most.desired, Math.ceil(slots / pool.maxConcurrency - 1e-9)));
      return {
        desired,
        memory: undefined,
        reasons: [
          `${runnable(queue)} waiting at ${Math.round(service)} ms each within ${Math.round(horizon)} ms, ${busy} running: ${desired}`,
        ],
      };
    },
  };
};
