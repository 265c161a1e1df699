import type { Catalog, Market } from './catalog.ts';
import { Ec2Fault, invalidCombination, invalidValue } from './fault.ts';
import { group, text } from './params.ts';
import type { Params } from './query.ts';

const SPOT_SHARE = 0.35;

/** @returns which market the request is for. @throws Ec2Fault */
export const checkMarket = (params: Params, type: string, catalog: Catalog): Market => {
  const options = group(params, 'InstanceMarketOptions');
  if (options === undefined) return 'on-demand';
  const market = text(options, 'MarketType');
  const spot = group(options, 'SpotOptions');
  if (market === undefined) {
    if (spot !== undefined) throw invalidCombination('SpotOptions need the MarketType spot.');
    return 'on-demand';
  }
  if (market !== 'spot') throw invalidValue(`The market type ${market} is not served by this fake.`);
  const requestType = text(spot, 'SpotInstanceType') ?? 'one-time';
  const behavior = text(spot, 'InstanceInterruptionBehavior') ?? 'terminate';
  if (requestType === 'one-time' && behavior !== 'terminate') {
    throw invalidCombination(`The interruption behavior '${behavior}' is not supported for one-time Spot requests.`);
  }
  if (requestType === 'one-time' && spot?.ValidUntil !== undefined) {
    throw invalidCombination('ValidUntil is not supported for one-time Spot requests of RunInstances.');
  }
  const maxPrice = text(spot, 'MaxPrice');
  if (maxPrice !== undefined) {
    if (!/^\d+(\.\d+)?$/.test(maxPrice)) throw invalidValue(`Invalid value '${maxPrice}' for MaxPrice.`);
    const price = (catalog.types[type]?.priceHour ?? 0) * SPOT_SHARE;
    if (Number(maxPrice) < price) {
      throw new Ec2Fault(
        'SpotMaxPriceTooLow',
        `Your Spot request price of ${maxPrice} is lower than the minimum required Spot request fulfillment price of ${price.toFixed(4)}.`,
      );
    }
  }
  return 'spot';
};
