/** What the machines of a pool have cost, by whose their time was and by function, since it was counted. */
import { type PoolNumbers, PURPOSES, type Purpose, readPoolNumbers } from '@flamejs/protocol';
import type { Link } from './link.ts';

/** Machine time, and its price as far as it has one. */
export interface Cost {
  readonly ms: number;
  /** Of the time that has a price; `null` when none of it has. */
  readonly dollars: number | null;
  /** Time of machines that have no price: it is in `ms` and not in `dollars`. */
  readonly unpricedMs: number;
}

export interface PoolCosts {
  readonly pool: string;
  readonly total: Cost;
  readonly purposes: Readonly<Record<Purpose, Cost>>;
  /** The most expensive first. Their time is that of `calls`, and of runners that were started by hand. */
  readonly functions: readonly (Cost & { readonly name: string })[];
}

export const readCosts = async (link: Link, pool: string): Promise<PoolCosts> =>
  costsOf(pool, await readPoolNumbers(link.client, link.keys(pool)));

/** Pure. */
export const costsOf = (pool: string, { fleet, functions }: PoolNumbers): PoolCosts => {
  const purposes = Object.fromEntries(
    PURPOSES.map((purpose) => [
      purpose,
      cost(fleet.of(`ms:${purpose}`), fleet.of(`nano:${purpose}`), fleet.of(`unpriced:${purpose}`)),
    ]),
  ) as Record<Purpose, Cost>;
  const sum = (field: string): number => PURPOSES.reduce((all, purpose) => all + fleet.of(`${field}:${purpose}`), 0);
  return {
    pool,
    total: cost(sum('ms'), sum('nano'), sum('unpriced')),
    purposes,
    functions: [...functions]
      .map(([name, { of }]) => ({ name, ...cost(of('ms'), of('nano'), of('unpriced')) }))
      .filter(({ ms }) => ms > 0)
      .sort((a, b) => (b.dollars ?? 0) - (a.dollars ?? 0) || b.ms - a.ms),
  };
};

/** What has no price is never shown as free. @param nano 1e-9 dollars */
const cost = (ms: number, nano: number, unpricedMs: number): Cost => ({
  ms,
  dollars: ms > 0 && unpricedMs >= ms ? null : nano * 1e-9,
  unpricedMs,
});
