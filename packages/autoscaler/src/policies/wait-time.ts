/** A policy that watches how long the oldest call has waited. */
import type { Policy } from '@flamejs/queue';
import { type Duration, parseDuration } from '@flamejs/queue';
import { current, demand, isBooting } from './demand.ts';
import { queueDepth } from './queue-depth.ts';

export interface WaitTimeOptions {
  /** How long a call may wait before runners are added: milliseconds or a string such as `'10s'`. */
  readonly target: Duration;
  /** Share of the present runners that is added at once, at least one. Default 0.2. */
  readonly growth?: number;
}

/**
 * Adds runners while the oldest call has waited longer than `target` and those that boot will not absorb it; lets go of
 * runners only when `queueDepth()` needs fewer.
 * @throws FlameConfigError when `target` is not a duration.
 */
export const waitTime = (options: WaitTimeOptions): Policy => {
  const targetMs = parseDuration(options.target, 'waitTime.target');
  const growth = options.growth ?? 0.2;
  const level = queueDepth();
  return {
    name: 'waitTime',
    desired(observation, pool) {
      const most = level.desired(observation, pool, undefined);
      if (most === 'hold') return 'hold';
      const have = current(observation);
      const oldest = observation.queue.paused ? null : observation.queue.oldestWaitMs;
      const answer = (desired: number, reason: string) => ({ desired, memory: undefined, reasons: [reason] });
      if (have === 0 && demand(observation.queue) > 0) return answer(1, 'there are calls and no runner: 1');
      if (oldest !== null && oldest > targetMs) {
        if (observation.runners.some(isBooting))
          return answer(have, `oldest call waits ${oldest} ms, runners are booting`);
        const more = Math.max(1, Math.ceil(have * growth));
        const desired = Math.min(most.desired, have + more);
        return answer(
          Math.max(desired, Math.min(have, most.desired)),
          `oldest call waits ${oldest} ms > ${targetMs} ms: +${more}`,
        );
      }
      return answer(Math.min(have, most.desired), `oldest call waits ${oldest ?? 0} ms, within ${targetMs} ms`);
    },
  };
};
