/**
 * Splits a backend's list among the pools that use it: what belongs to another pool is no stray of this one. What belongs
 * to no pool that is looked after (it was taken out of the config, and its records are gone) falls to the first. Pure.
 */
import type { Instance } from '@flamejs/queue';
import { poolOfRunnerId } from '../record/runner-id.ts';
import type { Listing } from './listing.ts';

export interface Sharing {
  /** Every pool that is looked after on this backend, in a stable order. */
  readonly pools: readonly string[];
  /** Runner ids that have a record, of whatever pool. */
  readonly known: ReadonlySet<string>;
}

/** @returns each pool's part; the same for all of them when the provider could not be read */
export const shareOut = (listing: Listing | null, { pools, known }: Sharing): ReadonlyMap<string, Listing | null> => {
  if (listing === null) return new Map(pools.map((pool) => [pool, null]));
  const parts = new Map<string, Instance[]>(pools.map((pool) => [pool, []]));
  const first = parts.get(pools[0] ?? '');
  for (const instance of listing.instances) {
    const own = parts.get(poolOfRunnerId(instance.runnerId) ?? '');
    if (own !== undefined) own.push(instance);
    else if (!known.has(instance.runnerId)) first?.push(instance);
  }
  return new Map([...parts].map(([pool, instances]) => [pool, { ...listing, instances }]));
};
