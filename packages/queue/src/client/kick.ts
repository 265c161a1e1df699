/** Wakes the autoscaler when there is work: the first call at once, then at most every 250 ms. A lost one costs a tick. */
import type { Link } from './link.ts';

const EVERY_MS = 250;

export interface Kick {
  send(): void;
}

export const createKick = (link: Link, channel: string, pool: string): Kick => {
  let lastAt = Number.NEGATIVE_INFINITY;
  let trailing: NodeJS.Timeout | undefined;

  const publish = (): void => {
    lastAt = performance.now();
    trailing = undefined;
    link
      .client()
      .then((client) => client.publish(channel, pool))
      // A hint only: the tick comes anyway.
      .catch(() => undefined);
  };

  return {
    send() {
      const wait = lastAt + EVERY_MS - performance.now();
      if (wait <= 0) publish();
      else if (trailing === undefined) trailing = setTimeout(publish, wait).unref();
    },
  };
};
