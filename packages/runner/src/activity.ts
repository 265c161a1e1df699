/** Says when a runner becomes idle and busy again, without flooding the stream: it must have been idle for a moment. */
import { createLazyTimer } from './lazy-timer.ts';
import type { PoolEvents } from './pool-events.ts';

const IDLE_AFTER_MS = 1_000;

export interface ActivityReporter {
  note(active: number, served: number): void;
  stop(): void;
}

export const createActivityReporter = (events: PoolEvents): ActivityReporter => {
  const timer = createLazyTimer();
  let idle = false;
  let waits = false;
  return {
    note(active, served) {
      if (active > 0) {
        timer.clear();
        waits = false;
        if (idle) void events.emit('runner.busy', 'it has a call', { served });
        idle = false;
      } else if (!idle && !waits) {
        waits = true;
        timer.set(() => {
          idle = true;
          waits = false;
          void events.emit('runner.idle', served === 0 ? 'it has had no call yet' : 'its calls have ended', { served });
        }, IDLE_AFTER_MS);
      }
    },
    stop: timer.stop,
  };
};
