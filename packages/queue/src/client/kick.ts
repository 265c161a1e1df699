/**
 * Lets a pool's calls be noticed: it wakes the autoscaler, the first call at once, then at most every 250 ms (a lost one costs a
 * tick), and notes that the pool is called, by which status and housekeeping find it when it has left the config.
 */
import type { AppKeys } from '@flamejs/protocol/keys';
import { announcePool } from '@flamejs/protocol/known-pools';
import type { Link } from './link.ts';

const EVERY_MS = 250;
/** A pool of which nothing was left is forgotten, also when somebody is about to call it again. */
const ANNOUNCE_EVERY_MS = 5_000;

export interface Kick {
  /** There is a call. Never throws, and no call hangs on it. */
  send(): void;
  /** Notes now that the pool is called. Never rejects. */
  announce(): Promise<void>;
}

export const createKick = (link: Link, app: AppKeys, pool: string): Kick => {
  let lastAt = Number.NEGATIVE_INFINITY;
  let announceAt = 0;
  let trailing: NodeJS.Timeout | undefined;

  const publish = (): void => {
    lastAt = performance.now();
    trailing = undefined;
    link
      .client()
      .then((client) => client.publish(app.kick, pool))
      // A hint only: the tick comes anyway.
      .catch(() => undefined);
  };

  const announce = async (): Promise<void> => {
    announceAt = performance.now() + ANNOUNCE_EVERY_MS;
    await link
      .client()
      .then((client) => link.bounded(announcePool(client, app, pool)))
      .catch(() => undefined);
  };

  return {
    announce,
    send() {
      if (performance.now() >= announceAt) void announce();
      const wait = lastAt + EVERY_MS - performance.now();
      if (wait <= 0) publish();
      else if (trailing === undefined) trailing = setTimeout(publish, wait).unref();
    },
  };
};
