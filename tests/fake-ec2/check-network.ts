/** Where the instance goes: subnet or zone, security groups, and that they fit together. */
import type { Catalog } from './catalog.ts';
import { Ec2Fault, invalidCombination, invalidValue } from './fault.ts';
import { group, groups, integer, text, texts } from './params.ts';
import type { Params } from './query.ts';

export interface Place {
  readonly zone: string;
  readonly subnet: string | undefined;
}

/** @throws Ec2Fault */
export const checkNetwork = (params: Params, catalog: Catalog, templateGroups: readonly string[]): Place => {
  const interfaces = groups(params, 'NetworkInterface');
  if (interfaces.length > 0) {
    if (text(params, 'SubnetId') !== undefined) {
      throw invalidCombination(
        'Network interfaces and an instance-level subnet ID may not be specified on the same request',
      );
    }
    if (texts(params, 'SecurityGroupId').length > 0) {
      throw invalidCombination(
        'Network interfaces and an instance-level security groups may not be specified on the same request',
      );
    }
    interfaces.forEach((nic, index) => {
      if (integer(nic, 'DeviceIndex') === undefined) {
        throw new Ec2Fault(
          'MissingParameter',
          `The request must contain the parameter NetworkInterface.${index + 1}.DeviceIndex`,
        );
      }
    });
  }
  if (groups(params, 'SecurityGroup').length > 0) throw invalidCombination('Group names work only in the default VPC.');
  const subnetId = text(params, 'SubnetId') ?? text(interfaces[0], 'SubnetId');
  const place = placeOf(params, subnetId, catalog);
  const vpc = subnetId === undefined ? catalog.defaultVpc : catalog.subnets[subnetId]?.vpc;
  const direct = interfaces.length > 0 ? texts(interfaces[0], 'SecurityGroupId') : texts(params, 'SecurityGroupId');
  for (const id of direct.length > 0 ? direct : templateGroups) checkGroup(id, vpc, subnetId, catalog);
  return place;
};

const placeOf = (params: Params, subnetId: string | undefined, catalog: Catalog): Place => {
  const zone = text(group(params, 'Placement'), 'AvailabilityZone');
  if (zone !== undefined && !catalog.zones.includes(zone)) throw invalidValue(`Invalid availability zone: [${zone}]`);
  if (subnetId === undefined) return { zone: zone ?? catalog.zones[0] ?? '', subnet: undefined };
  const subnet = catalog.subnets[subnetId];
  if (subnet === undefined)
    throw new Ec2Fault('InvalidSubnetID.NotFound', `The subnet ID '${subnetId}' does not exist`);
  if (zone !== undefined && zone !== subnet.zone) {
    throw invalidValue(`The availability zone '${zone}' does not match the subnet's '${subnet.zone}'.`);
  }
  return { zone: subnet.zone, subnet: subnetId };
};

const checkGroup = (id: string, vpc: string | undefined, subnet: string | undefined, catalog: Catalog): void => {
  if (!/^sg-[0-9a-f]{8,17}$/.test(id)) throw new Ec2Fault('InvalidGroupId.Malformed', `Invalid id: "${id}"`);
  const found = catalog.securityGroups[id];
  if (found === undefined) throw new Ec2Fault('InvalidGroup.NotFound', `The security group '${id}' does not exist`);
  if (found.vpc !== vpc) {
    throw new Ec2Fault(
      'InvalidParameter',
      `Security group ${id} and subnet ${subnet ?? 'of the default VPC'} belong to different networks.`,
    );
  }
};
