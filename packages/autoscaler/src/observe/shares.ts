/**
 * Splits a backend's list among the pools that use it: what belongs to another pool is no stray of this one. What belongs
 * to no pool that is looked after (it was taken out of the config, and its records are gone) falls to the first. Pure.
 */
import type { Backend, Instance } from '@flamejs/queue';
import { poolOfRunnerId } from '../record/runner-id.ts';
import type { Listing } from './listing.ts';

/** A pool that is looked after, and on which backend. */
export interface Sharer {
  readonly backend: Backend;
  readonly pool: { readonly name: string };
}

export interface Sharing {
  /** Every pool that is looked after on this backend, in a stable order. */
  readonly pools: readonly string[];
  /** Pools on another backend of the same kind, which lists the same instances. */
  readonly elsewhere: ReadonlySet<string>;
  /** Runner ids that have a record, of whatever pool. */
  readonly known: ReadonlySet<string>;
}

/** @returns each pool's part; the same for all of them when the provider could not be read */
export const shareOut = (
  listing: Listing | null,
  { pools, elsewhere, known }: Sharing,
): ReadonlyMap<string, Listing | null> => {
  if (listing === null) return new Map(pools.map((pool) => [pool, null]));
  const parts = new Map<string, Instance[]>(pools.map((pool) => [pool, []]));
  const first = parts.get(pools[0] ?? '');
  for (const instance of listing.instances) {
    const pool = poolOfRunnerId(instance.runnerId) ?? '';
    const own = parts.get(pool);
    if (own !== undefined) own.push(instance);
    else if (!known.has(instance.runnerId) && !elsewhere.has(pool)) first?.push(instance);
  }
  return new Map([...parts].map(([pool, instances]) => [pool, { ...listing, instances }]));
};

/** @param all every pool that is looked after: a list is split among them, also when only some of them are ticked */
export const sharesOf = (
  all: readonly Sharer[],
  listings: ReadonlyMap<Backend, Listing | null>,
  known: ReadonlySet<string>,
): ReadonlyMap<string, Listing | null> => {
  const claimed = new Set(known);
  const shares = new Map<string, Listing | null>();
  for (const [backend, listing] of listings) {
    const like = all.filter((ctx) => ctx.backend.name === backend.name);
    const pools = like.filter((ctx) => ctx.backend === backend).map(({ pool }) => pool.name);
    const elsewhere = new Set(like.filter((ctx) => ctx.backend !== backend).map(({ pool }) => pool.name));
    for (const [pool, part] of shareOut(listing, { pools, elsewhere, known: claimed })) {
      shares.set(pool, part);
      // What belongs to nobody falls to one pool only.
      for (const { runnerId } of part?.instances ?? []) claimed.add(runnerId);
    }
  }
  return shares;
};
