/** What the instance boots: image or launch template, disks, type, profile, key pair. */
import type { Catalog, LaunchTemplateInfo } from './catalog.ts';
import { Ec2Fault, invalidCombination, invalidValue, missing } from './fault.ts';
import { group, groups, integer, text } from './params.ts';
import type { Params } from './query.ts';

export interface Template {
  readonly imageId: string;
  readonly securityGroupIds: readonly string[];
}

/** @returns what the launch template fills in, if one is named. @throws Ec2Fault */
export const checkTemplate = (params: Params, catalog: Catalog): Template | undefined => {
  const given = group(params, 'LaunchTemplate');
  if (given === undefined) return undefined;
  const id = text(given, 'LaunchTemplateId');
  const name = text(given, 'LaunchTemplateName');
  if (id !== undefined && name !== undefined) {
    throw invalidCombination('You cannot specify both a launch template ID and a launch template name.');
  }
  if (id === undefined && name === undefined) throw missing('LaunchTemplateId or LaunchTemplateName');
  if (id !== undefined && !/^lt-[0-9a-f]{8,17}$/.test(id)) {
    throw new Ec2Fault('InvalidLaunchTemplateId.Malformed', `The launch template ID '${id}' is not valid.`);
  }
  const found = Object.entries(catalog.launchTemplates).find(([key, info]) =>
    id !== undefined ? key === id : info.name === name,
  );
  if (found === undefined) {
    throw id !== undefined
      ? new Ec2Fault(
          'InvalidLaunchTemplateId.NotFound',
          `The specified launch template, with template ID ${id}, does not exist.`,
        )
      : new Ec2Fault(
          'InvalidLaunchTemplateName.NotFoundException',
          `The specified launch template, with template name ${name}, does not exist.`,
        );
  }
  const version = templateVersion(found[1], text(given, 'Version') ?? '$Default');
  const content = found[1].versions[version];
  if (content === undefined) {
    throw new Ec2Fault(
      'InvalidLaunchTemplateId.VersionNotFound',
      `Could not find the specified version ${version} for the launch template with ID ${found[0]}.`,
    );
  }
  return { imageId: content.imageId, securityGroupIds: content.securityGroupIds ?? [] };
};

const templateVersion = (template: LaunchTemplateInfo, version: string): string => {
  const numbers = Object.keys(template.versions).map(Number);
  if (version === '$Latest') return String(Math.max(...numbers));
  if (version === '$Default') return String(Math.min(...numbers));
  if (!/^\d+$/.test(version)) throw invalidValue(`Invalid launch template version: '${version}'.`);
  return version;
};

/** @throws Ec2Fault */
export const checkImage = (params: Params, type: string, template: Template | undefined, catalog: Catalog): void => {
  const id = text(params, 'ImageId') ?? template?.imageId;
  if (id === undefined) throw missing('ImageId');
  if (!/^ami-[0-9a-f]{8,17}$/.test(id))
    throw new Ec2Fault('InvalidAMIID.Malformed', `Invalid id: "${id}" (expecting "ami-...")`);
  const image = catalog.images[id];
  if (image === undefined) throw new Ec2Fault('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
  const arch = catalog.types[type]?.arch;
  if (arch !== image.arch) {
    throw invalidValue(
      `The architecture '${arch}' of the specified instance type does not match the architecture '${image.arch}' of the specified AMI.`,
    );
  }
  for (const mapping of groups(params, 'BlockDeviceMapping')) {
    const device = text(mapping, 'DeviceName');
    if (device === undefined) throw missing('BlockDeviceMapping.DeviceName');
    const size = integer(group(mapping, 'Ebs'), 'VolumeSize');
    if (device === image.rootDevice && size !== undefined && size < image.rootGb) {
      throw new Ec2Fault(
        'InvalidBlockDeviceMapping',
        `Volume of size ${size}GB is smaller than snapshot, expect size >= ${image.rootGb}GB`,
      );
    }
  }
};

/** @throws Ec2Fault */
export const checkProfileAndKey = (params: Params, catalog: Catalog): void => {
  const profile = group(params, 'IamInstanceProfile');
  if (profile !== undefined) {
    const arn = text(profile, 'Arn');
    const name = text(profile, 'Name') ?? arn?.split('/').at(-1);
    if (arn !== undefined && text(profile, 'Name') !== undefined)
      throw invalidCombination('Give the name or the ARN of the instance profile, not both.');
    if (name === undefined || !catalog.instanceProfiles.includes(name)) {
      throw invalidValue(
        `Value (${name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`,
      );
    }
  }
  const key = text(params, 'KeyName');
  if (key !== undefined && !catalog.keyPairs.includes(key)) {
    throw new Ec2Fault('InvalidKeyPair.NotFound', `The key pair '${key}' does not exist`);
  }
};

/** @returns the type. @throws Ec2Fault */
export const checkType = (params: Params, catalog: Catalog): string => {
  const type = text(params, 'InstanceType');
  // The real default is m1.small, which no region of this decade starts in a VPC by accident.
  if (type === undefined) throw missing('InstanceType');
  if (catalog.types[type] === undefined) throw invalidValue(`Invalid value '${type}' for InstanceType.`);
  return type;
};

/** @throws Ec2Fault */
export const checkOffered = (type: string, zone: string, catalog: Catalog): void => {
  if (!catalog.unsupported.includes(`${type}/${zone}`)) return;
  throw new Ec2Fault(
    'Unsupported',
    `Your requested instance type (${type}) is not supported in your requested Availability Zone (${zone}). ` +
      `Please retry your request by not specifying an Availability Zone or choosing ${catalog.zones.filter((it) => it !== zone).join(', ')}.`,
  );
};
