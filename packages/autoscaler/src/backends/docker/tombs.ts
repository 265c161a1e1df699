/**
 * Containers that have ended keep their name for a while, so that a late replay of their launch finds them instead of
 * making a second one. After that they are removed.
 */

import type Docker from 'dockerode';
import type { ContainerInfo } from 'dockerode';

const KEEP_MS = 10 * 60_000;

export interface Tombs {
  /** Removes those of `ended` that have been seen ended for long enough. Never throws: it is tried again. */
  sweep(ended: readonly ContainerInfo[], docker: Docker): Promise<void>;
}

/** @param now monotonic milliseconds: the daemon's clock is not ours */
export const createTombs = (now: () => number, keepMs = KEEP_MS): Tombs => {
  const seenAt = new Map<string, number>();
  return {
    sweep: async (ended, docker) => {
      const ids = new Set(ended.map(({ Id }) => Id));
      for (const id of seenAt.keys()) if (!ids.has(id)) seenAt.delete(id);
      for (const id of ids) if (!seenAt.has(id)) seenAt.set(id, now());
      const old = [...ids].filter((id) => now() - (seenAt.get(id) ?? now()) >= keepMs);
      await Promise.allSettled(old.map((id) => docker.getContainer(id).remove({ force: true, v: true })));
    },
  };
};
