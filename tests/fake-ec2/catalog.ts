/** What the fake region offers: enough of the real catalogue for its rules to be real ones. */

export type Market = 'on-demand' | 'spot';

export interface InstanceTypeInfo {
  readonly vcpus: number;
  readonly arch: 'arm64' | 'x86_64';
  /** On-demand US dollars an hour, roughly the real ones; spot costs 35 % of it. */
  readonly priceHour: number;
}

export const INSTANCE_TYPES: Readonly<Record<string, InstanceTypeInfo>> = {
  't4g.small': { vcpus: 2, arch: 'arm64', priceHour: 0.0192 },
  'c7g.large': { vcpus: 2, arch: 'arm64', priceHour: 0.0826 },
  'c7g.xlarge': { vcpus: 4, arch: 'arm64', priceHour: 0.1653 },
  'c6g.large': { vcpus: 2, arch: 'arm64', priceHour: 0.0776 },
  'm7g.large': { vcpus: 2, arch: 'arm64', priceHour: 0.0979 },
  'c7i.large': { vcpus: 2, arch: 'x86_64', priceHour: 0.1018 },
  'm7i.large': { vcpus: 2, arch: 'x86_64', priceHour: 0.1208 },
  'g5.xlarge': { vcpus: 4, arch: 'x86_64', priceHour: 1.258 },
};

/** Quotas are per group of families and market, in vCPUs. */
export const quotaGroup = (type: string): string => {
  const family = /^[a-z]+/.exec(type)?.[0] ?? type;
  for (const group of ['inf', 'trn', 'dl', 'vt', 'hpc', 'mac']) if (family.startsWith(group)) return group;
  if (family.startsWith('g') || family.startsWith('vt')) return 'g';
  if (/^[acdhimrtz]/.test(family)) return 'standard';
  return family.charAt(0);
};

export interface SubnetInfo {
  readonly zone: string;
  readonly vpc: string;
  readonly freeAddresses: number;
}

export interface LaunchTemplateInfo {
  readonly name: string;
  /** By version number: the parameters that the version fills in. */
  readonly versions: Readonly<
    Record<string, { readonly imageId: string; readonly securityGroupIds?: readonly string[] }>
  >;
}

export interface Catalog {
  readonly region: string;
  readonly zones: readonly string[];
  readonly types: Readonly<Record<string, InstanceTypeInfo>>;
  /** Types that a zone does not have: `<type>/<zone>`. */
  readonly unsupported: readonly string[];
  readonly images: Readonly<
    Record<string, { readonly arch: 'arm64' | 'x86_64'; readonly rootDevice: string; readonly rootGb: number }>
  >;
  readonly subnets: Readonly<Record<string, SubnetInfo>>;
  readonly defaultVpc: string;
  readonly securityGroups: Readonly<Record<string, { readonly vpc: string }>>;
  readonly instanceProfiles: readonly string[];
  readonly launchTemplates: Readonly<Record<string, LaunchTemplateInfo>>;
  readonly keyPairs: readonly string[];
}

export const ARM_IMAGE = 'ami-0a0a0a0a0a0a0a0a1';
export const X86_IMAGE = 'ami-0b0b0b0b0b0b0b0b1';

export const defaultCatalog: Catalog = {
  region: 'eu-central-1',
  zones: ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'],
  types: INSTANCE_TYPES,
  unsupported: ['m7g.large/eu-central-1c'],
  images: {
    [ARM_IMAGE]: { arch: 'arm64', rootDevice: '/dev/xvda', rootGb: 8 },
    [X86_IMAGE]: { arch: 'x86_64', rootDevice: '/dev/xvda', rootGb: 8 },
  },
  subnets: {
    'subnet-0aaaaaaaaaaaaaaa1': { zone: 'eu-central-1a', vpc: 'vpc-1', freeAddresses: 250 },
    'subnet-0bbbbbbbbbbbbbbb1': { zone: 'eu-central-1b', vpc: 'vpc-1', freeAddresses: 250 },
    'subnet-0ccccccccccccccc1': { zone: 'eu-central-1c', vpc: 'vpc-1', freeAddresses: 250 },
  },
  defaultVpc: 'vpc-1',
  securityGroups: { 'sg-0123456789abcdef0': { vpc: 'vpc-1' }, 'sg-0fedcba9876543210': { vpc: 'vpc-2' } },
  instanceProfiles: ['flame-runner'],
  launchTemplates: {
    'lt-0123456789abcdef0': {
      name: 'flame',
      versions: {
        '1': { imageId: ARM_IMAGE },
        '2': { imageId: ARM_IMAGE, securityGroupIds: ['sg-0123456789abcdef0'] },
      },
    },
  },
  keyPairs: [],
};
