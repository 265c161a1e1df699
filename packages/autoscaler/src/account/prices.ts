/** What a machine costs an hour, by its provider's list. A list has a date and a source; what it does not have has no price. */
import type { PoolConfig } from '@flamejs/queue';
import type { IntentRecord } from '../record/intent.ts';
import { EC2_US_EAST_1 } from './prices/ec2-us-east-1.ts';

export interface PriceList {
  /** The backend and the region that it is about. */
  readonly backend: string;
  readonly region: string;
  readonly source: string;
  /** When it was taken from there: YYYY-MM-DD. */
  readonly asOf: string;
  /** Dollars an hour by type, for a machine with Linux, on demand. */
  readonly perHour: Readonly<Record<string, number>>;
}

export const PRICE_LISTS: readonly PriceList[] = [EC2_US_EAST_1];

export interface MachinePrice {
  /** Dollars an hour; `null` for a machine that no list has: hours are counted, and no money. */
  readonly perHour: number | null;
  /** What the provider charges at least, ms. */
  readonly minimumMs: number;
}

/** Providers that charge for more than was used: EC2 for a minute. */
const MINIMUM_MS: Readonly<Record<string, number>> = { ec2: 60_000 };

/** A pool's own `price` counts before every list. Spot has the price on demand, which is the most that it costs, unless `price` says otherwise. */
export const priceOf = (
  pool: Pick<PoolConfig, 'price'>,
  { backend, location, details }: Pick<IntentRecord, 'backend' | 'location' | 'details'>,
): MachinePrice => {
  const minimumMs = MINIMUM_MS[backend] ?? 0;
  if (pool.price !== undefined) return { perHour: pool.price, minimumMs };
  const region = regionOf(location ?? '');
  const list = PRICE_LISTS.find((each) => each.backend === backend && each.region === region);
  const type = details.type ?? '';
  const perHour = list !== undefined && Object.hasOwn(list.perHour, type) ? list.perHour[type] : undefined;
  return { perHour: perHour ?? null, minimumMs };
};

/** Of a zone, such as `us-east-1a`. */
const regionOf = (zone: string): string => zone.replace(/(\d)[a-z]$/, '$1');
