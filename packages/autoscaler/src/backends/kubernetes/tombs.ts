/**
 * Pods that have ended keep their name for a while, so that a late replay of their launch finds them instead of making a
 * second one. After that they are removed.
 */
import type { Api } from './api.ts';
import { idOf, type Pod } from './pod.ts';
import { deletePod } from './terminate.ts';
import type { Time } from './time.ts';

export interface Tombs {
  /** Never throws: it is tried again. @param ended those whose runner has ended */
  sweep(ended: readonly Pod[], namespace: string, signal: AbortSignal): Promise<void>;
}

export const KEEP_MS = 10 * 60_000;
const AT_ONCE = 10;

export const createTombs = (api: Api, time: Time): Tombs => {
  const seenAt = new Map<string, number>();
  return {
    async sweep(ended, namespace, signal) {
      const present = new Set(ended.map(idOf));
      for (const id of seenAt.keys()) if (!present.has(id)) seenAt.delete(id);
      for (const id of present) if (!seenAt.has(id)) seenAt.set(id, time.now());
      const due = ended.filter((pod) => {
        // A sidecar goes on without its runner, and nothing but this ends it.
        const goesOn = pod.status?.phase === 'Running' && pod.metadata.deletionTimestamp === undefined;
        return goesOn || time.now() - (seenAt.get(idOf(pod)) ?? time.now()) >= KEEP_MS;
      });
      await Promise.allSettled(
        due.slice(0, AT_ONCE).map(({ metadata: { name, uid } }) => deletePod(api, { namespace, name, uid }, signal)),
      );
    },
  };
};
