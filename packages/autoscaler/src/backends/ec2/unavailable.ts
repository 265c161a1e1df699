/**
 * Remembers what EC2 has just refused, so that the next machine does not ask in vain: 3 minutes the first time, doubled
 * up to 15 on every further refusal. What EC2 says of one offering may hold for more of them, hence scopes.
 */
import { type Offering, offeringName } from './offerings.ts';
import { placeName } from './options.ts';
import { quotaGroup } from './quota-group.ts';

/** How much a refusal says: this offering, all types in this place, or all places for this quota group and market. */
export type Scope = 'offering' | 'place' | 'quota';

export interface Unavailable {
  mark(offering: Offering, scope: Scope, code: string): void;
  /** It worked: forget what was held against this very offering. */
  clear(offering: Offering): void;
  /** @returns why it should not be asked for now, or `undefined`. */
  reason(offering: Offering): string | undefined;
  /** Marks that are in force, for logs and metrics. */
  size(): number;
}

const FIRST_MS = 3 * 60_000;
const LONGEST_MS = 15 * 60_000;
/** After so many places have refused a type, the rest of them are not tried one by one either. */
const WIDEN_AFTER = 3;

/** @param now monotonic milliseconds */
export const createUnavailable = (now: () => number): Unavailable => {
  const marks = new Map<
    string,
    { until: number; ttl: number; code: string; type: string; market: string; scope: Scope }
  >();
  const inForce = (key: string): string | undefined => {
    const mark = marks.get(key);
    return mark !== undefined && mark.until > now() ? mark.code : undefined;
  };
  const typeIsOut = ({ type, market }: Offering): string | undefined => {
    const places = [...marks.values()].filter(
      (mark) => mark.scope === 'offering' && mark.type === type && mark.market === market && mark.until > now(),
    );
    return places.length >= WIDEN_AFTER ? places[0]?.code : undefined;
  };
  return {
    mark: (offering, scope, code) => {
      const key = keyOf(offering, scope);
      const earlier = marks.get(key);
      // Twice in a row means within its own period again; an old mark starts afresh.
      const repeated = earlier !== undefined && now() - earlier.until < earlier.ttl;
      const ttl = repeated ? Math.min(earlier.ttl * 2, LONGEST_MS) : FIRST_MS;
      marks.set(key, { until: now() + ttl, ttl, code, type: offering.type, market: offering.market, scope });
    },
    clear: (offering) => {
      marks.delete(keyOf(offering, 'offering'));
    },
    reason: (offering) =>
      inForce(keyOf(offering, 'offering')) ??
      inForce(keyOf(offering, 'place')) ??
      inForce(keyOf(offering, 'quota')) ??
      typeIsOut(offering),
    size: () => [...marks.values()].filter((mark) => mark.until > now()).length,
  };
};

const keyOf = (offering: Offering, scope: Scope): string => {
  if (scope === 'offering') return `offering ${offeringName(offering)}`;
  if (scope === 'place') return `place ${placeName(offering.place)}`;
  return `quota ${quotaGroup(offering.type)}/${offering.market}`;
};
