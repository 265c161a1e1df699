/** RunInstances: validation in EC2's order (parameters, token, dry run, quota and capacity), then the launch. */
import { grantCapacity } from './capacity.ts';
import { checkImage, checkOffered, checkProfileAndKey, checkTemplate, checkType } from './check-image.ts';
import { checkMarket } from './check-market.ts';
import { checkNetwork } from './check-network.ts';
import { checkTagSpecifications } from './check-tags.ts';
import { checkUserData } from './check-user-data.ts';
import { Ec2Fault, invalidCombination, invalidValue } from './fault.ts';
import { instanceXml } from './instance-xml.ts';
import { createMachine } from './machine.ts';
import { group, integer, text } from './params.ts';
import type { Params } from './query.ts';
import { hexId, type Region } from './region.ts';
import type { XmlValue } from './xml.ts';

export const runInstances = (params: Params, region: Region): { body: XmlValue; launched: readonly string[] } => {
  const { knobs } = region;
  const { min, max } = counts(params);
  const type = checkType(params, knobs.catalog);
  const market = checkMarket(params, type, knobs.catalog);
  const template = checkTemplate(params, knobs.catalog);
  checkImage(params, type, template, knobs.catalog);
  const place = checkNetwork(params, knobs.catalog, template?.securityGroupIds ?? []);
  checkProfileAndKey(params, knobs.catalog);
  checkMetadataOptions(params);
  const tags = checkTagSpecifications(params, market === 'spot');
  const userData = checkUserData(text(params, 'UserData'));
  if (market === 'spot' && params.DisableApiTermination === true) {
    throw invalidCombination('Termination protection is not supported for Spot Instances.');
  }
  const clientToken = text(params, 'ClientToken');
  const earlier = clientToken === undefined ? undefined : region.tokens.find(clientToken, params);
  if (params.DryRun === true) {
    throw new Ec2Fault('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
  }
  if (earlier !== undefined) return { body: reservation(earlier, region), launched: [] };

  const launched: string[] = [];
  try {
    checkOffered(type, place.zone, knobs.catalog);
    const granted = grantCapacity(
      { type, zone: place.zone, subnet: place.subnet, market, min, max },
      region.machines.values(),
      knobs,
    );
    for (let index = 0; index < granted; index++) {
      const id = hexId('i');
      const spec = {
        id,
        type,
        zone: place.zone,
        market,
        tags: new Map(tags.get('instance')),
        volumeTags: new Map(tags.get('volume')),
        interfaceTags: new Map(tags.get('network-interface')),
        userData,
        clientToken,
        params,
      };
      region.machines.set(
        id,
        createMachine(spec, knobs, (stopping) => trackStopping(region, stopping)),
      );
      launched.push(id);
    }
  } catch (error) {
    if (clientToken !== undefined) region.tokens.failed(clientToken, params);
    throw error;
  }
  if (clientToken !== undefined) region.tokens.remember(clientToken, params, launched);
  return { body: reservation(launched, region), launched };
};

const counts = (params: Params): { min: number; max: number } => {
  const min = integer(params, 'MinCount') ?? 0;
  const max = integer(params, 'MaxCount') ?? 0;
  if (min < 1) throw invalidValue(`Value (${min}) for parameter minCount is invalid. Min count must be at least 1.`);
  if (max < min)
    throw invalidValue(`Value (${max}) for parameter maxCount is invalid. Max count must not be below min count.`);
  return { min, max };
};

const checkMetadataOptions = (params: Params): void => {
  const hops = integer(group(params, 'MetadataOptions'), 'HttpPutResponseHopLimit');
  if (hops !== undefined && (hops < 1 || hops > 64)) {
    throw invalidValue(
      `Value (${hops}) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 and 64.`,
    );
  }
};

const reservation = (ids: readonly string[], region: Region): XmlValue => ({
  reservationId: hexId('r'),
  ownerId: '123456789012',
  groupSet: [],
  // The answer of the launch itself does not lag: it comes from the launch, not from the index.
  instancesSet: ids.flatMap((id) => {
    const machine = region.machines.get(id);
    return machine === undefined ? [] : [instanceXml(machine, machine.state())];
  }),
});

const trackStopping = (region: Region, stopping: Promise<void>): void => {
  region.stopping.add(stopping);
  void stopping.finally(() => region.stopping.delete(stopping));
};
