/** Follows what happens to an app's runners as it happens: the pools' event streams. */
import type { Operations } from '@flamejs/dashboard/operations';
import { oneLine } from './plain-text.ts';
import { paint } from './style.ts';

const EVERY_MS = 300;
const AT_ONCE = 200;

export interface EventFollower {
  /** Resolves when nothing is printed any more. */
  stop(): Promise<void>;
}

type Event = Awaited<ReturnType<Operations['events']>>[number];

/** Begins with what happens from now on. */
export const followEvents = (operations: Operations, tell: (event: Event) => void): EventFollower => {
  const seen = new Map<string, string>();
  let stopped = false;
  let wake = (): void => undefined;

  const step = async (pool: string): Promise<void> => {
    // Newest first, so what is new stands before what was seen last.
    const events = await operations.events(pool, AT_ONCE);
    const last = seen.get(pool);
    const known = events.findIndex((event) => event.id === last);
    if (last !== undefined) {
      for (const event of (known < 0 ? [...events] : events.slice(0, known)).reverse()) tell(event);
    }
    seen.set(pool, events[0]?.id ?? '');
  };

  const work = async (): Promise<void> => {
    while (!stopped) {
      for (const pool of await operations.poolNames().catch(() => [])) {
        // Redis is away: what happens meanwhile is printed when it is back.
        await step(pool).catch(() => undefined);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EVERY_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };

  const working = work();
  return {
    stop() {
      stopped = true;
      wake();
      return working;
    },
  };
};

/** When, in which pool, of which runner, what and why. */
export const eventLine = (event: Event): string => {
  const time = new Date(event.at).toTimeString().slice(0, 8);
  const runner = event.runnerId === undefined ? '' : ` ${event.runnerId}`;
  const reason = paint('dim', oneLine(event.reason));
  return `${paint('dim', time)}  ${paint('cyan', event.pool)}${runner}  ${event.type}  ${reason}`;
};
