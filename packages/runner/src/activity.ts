/** Says when a runner becomes idle and busy again, without flooding the stream: it must have been idle for a moment. */
import type { PoolEvents } from './pool-events.ts';

const IDLE_AFTER_MS = 1_000;

export interface ActivityReporter {
  note(active: number, served: number): void;
  stop(): void;
}

export const createActivityReporter = (events: PoolEvents): ActivityReporter => {
  let timer: NodeJS.Timeout | undefined;
  let idle = false;
  return {
    note(active, served) {
      if (active > 0) {
        clearTimeout(timer);
        timer = undefined;
        if (idle) void events.emit('runner.busy', 'it has a call', { served });
        idle = false;
      } else if (!idle) {
        timer ??= setTimeout(() => {
          timer = undefined;
          idle = true;
          void events.emit('runner.idle', served === 0 ? 'it has had no call yet' : 'its calls have ended', { served });
        }, IDLE_AFTER_MS);
      }
    },
    stop: () => clearTimeout(timer),
  };
};
