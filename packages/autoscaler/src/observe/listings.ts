/** The lists of all backends at one look, and what they have of ours that no record knows. */
import type { Backend } from '@flamejs/queue';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { createLister, type Lister, type Listing } from './listing.ts';

export interface Listings {
  /** @param cached they may be as old as a tick @returns `null` for a backend that cannot be listed */
  read(pools: readonly { readonly backend: Backend }[], cached: boolean): Promise<ReadonlyMap<Backend, Listing | null>>;
  /** Why the backend's last list failed; `null` after one that did not. */
  failure(backend: Backend): string | null;
  /** @param known runner ids that have a record */
  noteStrays(listed: ReadonlyMap<Backend, Listing | null>, known: ReadonlySet<string>): void;
  /** Instances of ours without a record, at each backend's newest list: they use up the quota although no reservation counts them. */
  strayCount(): number;
}

export interface ListingsOptions {
  readonly app: string;
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export const createListings = ({ app, owner, clock, log }: ListingsOptions): Listings => {
  const listers = new Map<Backend, Lister>();
  const strays = new Map<Backend, readonly string[]>();

  const listerOf = (backend: Backend): Lister => {
    const timeoutMs = Math.min(60_000, Math.max(10_000, backend.defaults.tickMs * 3));
    const lister = listers.get(backend) ?? createLister({ backend, app, owner, clock, timeoutMs });
    listers.set(backend, lister);
    return lister;
  };

  return {
    async read(pools, cached) {
      const backends = [...new Set(pools.map(({ backend }) => backend))];
      const listed = await Promise.all(
        backends.map(async (backend) => {
          const lister = listerOf(backend);
          const listing = await lister.get(cached ? backend.defaults.tickMs : 0);
          if (listing === null)
            log.warn({ backend: backend.name, reason: lister.error() }, 'instances cannot be listed; on hold');
          return [backend, listing] as const;
        }),
      );
      return new Map(listed);
    },
    failure: (backend) => listerOf(backend).error(),
    noteStrays(listed, known) {
      for (const [backend, listing] of listed) {
        if (listing === null) continue;
        const unknown = listing.instances.filter(({ runnerId, state }) => state !== 'gone' && !known.has(runnerId));
        strays.set(
          backend,
          unknown.map(({ runnerId }) => runnerId),
        );
      }
    },
    // Two backends of one kind list the same instances.
    strayCount: () => new Set([...strays.values()].flat()).size,
  };
};
