/** What can be asked for: every type in every place in every market, most wanted first. */
import { type Ec2Settings, type Market, type Place, placeName } from './options.ts';

export interface Offering {
  readonly type: string;
  readonly place: Place;
  readonly market: Market;
}

/** Market first, then type, then place: what a user lists first is tried everywhere before the next is tried anywhere. */
export const listOfferings = (
  settings: Pick<Ec2Settings, 'markets' | 'instanceTypes' | 'places'>,
): readonly Offering[] =>
  settings.markets.flatMap((market) =>
    settings.instanceTypes.flatMap((type) => settings.places.map((place) => ({ type, place, market }))),
  );

export const offeringName = ({ type, place, market }: Offering): string => `${type}/${placeName(place)}/${market}`;
