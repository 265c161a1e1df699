/** (c) What can still be had: machines per offering, vCPUs per quota group, addresses per subnet. */
import { type Market, quotaGroup } from './catalog.ts';
import { Ec2Fault } from './fault.ts';
import type { Machine } from './machine.ts';
import type { Knobs } from './options.ts';

export interface Wanted {
  readonly type: string;
  readonly zone: string;
  readonly subnet: string | undefined;
  readonly market: Market;
  readonly min: number;
  readonly max: number;
}

const holdsCapacity = (machine: Machine): boolean => !['terminated', 'stopped'].includes(machine.state());

/** @returns how many of `wanted.max` may be launched, at least `wanted.min` (e). @throws Ec2Fault when fewer. */
export const grantCapacity = (wanted: Wanted, machines: Iterable<Machine>, knobs: Knobs): number => {
  const alive = [...machines].filter(holdsCapacity);
  const quota = vcpuRoom(wanted, alive, knobs);
  if (quota < wanted.min) {
    if (wanted.market === 'spot')
      throw new Ec2Fault('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded');
    throw new Ec2Fault(
      'VcpuLimitExceeded',
      'You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that the ' +
        'specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.',
    );
  }
  const addresses = addressRoom(wanted, alive, knobs);
  if (addresses < wanted.min) {
    throw new Ec2Fault(
      'InsufficientFreeAddressesInSubnet',
      `The subnet ${wanted.subnet} has not enough free addresses.`,
    );
  }
  const key = `${wanted.type}/${wanted.zone}/${wanted.market}`;
  const left = knobs.capacity.get(key) ?? Number.POSITIVE_INFINITY;
  if (left < wanted.min) {
    throw new Ec2Fault(
      'InsufficientInstanceCapacity',
      `We currently do not have sufficient ${wanted.type} capacity in the Availability Zone you requested ` +
        `(${wanted.zone}). Our system will be working on provisioning additional capacity.`,
      knobs.capacityStatus,
    );
  }
  const granted = Math.min(wanted.max, left, quota, addresses);
  if (Number.isFinite(left)) knobs.capacity.set(key, left - granted);
  return granted;
};

const vcpuRoom = (wanted: Wanted, alive: readonly Machine[], knobs: Knobs): number => {
  const group = quotaGroup(wanted.type);
  const limit = knobs.vcpuQuota.get(`${group}/${wanted.market}`);
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  const used = alive
    .filter((machine) => quotaGroup(machine.type) === group && machine.market === wanted.market)
    .reduce((sum, machine) => sum + (knobs.catalog.types[machine.type]?.vcpus ?? 0), 0);
  return Math.floor((limit - used) / (knobs.catalog.types[wanted.type]?.vcpus ?? 1));
};

const addressRoom = (wanted: Wanted, alive: readonly Machine[], knobs: Knobs): number => {
  if (wanted.subnet === undefined) return Number.POSITIVE_INFINITY;
  const used = alive.filter((machine) => subnetOf(machine) === wanted.subnet).length;
  return (knobs.catalog.subnets[wanted.subnet]?.freeAddresses ?? 0) - used;
};

export const subnetOf = (machine: Machine): string | undefined => {
  const direct = machine.params.SubnetId;
  if (typeof direct === 'string') return direct;
  const nics = machine.params.NetworkInterface;
  const first = Array.isArray(nics) ? (nics[0] as { SubnetId?: unknown } | undefined) : undefined;
  return typeof first?.SubnetId === 'string' ? first.SubnetId : undefined;
};
