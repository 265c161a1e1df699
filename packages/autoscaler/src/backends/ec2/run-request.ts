/** A launch as EC2 wants it. Pure: the same request and offering give the same parameters, byte for byte. */
import type { ResourceType, RunInstancesCommandInput, Tag } from '@aws-sdk/client-ec2';
import { FlameLaunchError, type LaunchRequest } from '@flamejs/queue';
import { findOpenSecret } from '../open-secrets.ts';
import type { Offering } from './offerings.ts';
import type { Ec2Settings } from './options.ts';
import { tagsOf } from './tags.ts';
import { MAX_USER_DATA_BYTES, renderUserData, userDataSpec } from './user-data.ts';

/** EC2's limit for client tokens. */
const MAX_TOKEN = 64;

/**
 * @param turn 0 for the launch's own token, above it for further ones.
 * @throws FlameLaunchError kind `invalid` when the runner's id makes no client token.
 */
export const clientToken = ({ runnerId, attempt }: Pick<LaunchRequest, 'runnerId' | 'attempt'>, turn = 0): string => {
  const token = turn === 0 ? `${runnerId}-${attempt}` : `${runnerId}-${attempt}-${turn}`;
  if (token.length > MAX_TOKEN || !/^[\x21-\x7e]+$/.test(token)) {
    throw invalid(`the client token ${JSON.stringify(token)} must be at most ${MAX_TOKEN} ASCII characters`);
  }
  return token;
};

/** @throws FlameLaunchError kind `invalid` when the environment is too large for user-data, or carries a secret. */
export const runRequest = (
  request: LaunchRequest,
  offering: Offering,
  settings: Ec2Settings,
  turn = 0,
): RunInstancesCommandInput => {
  const { place, type, market } = offering;
  const tags: Tag[] = Object.entries(tagsOf(request, settings)).map(([Key, Value]) => ({ Key, Value }));
  const tagged: ResourceType[] = ['instance', 'volume', 'network-interface'];
  if (market === 'spot') tagged.push('spot-instances-request');
  return {
    ClientToken: clientToken(request, turn),
    MinCount: 1,
    MaxCount: 1,
    InstanceType: type as NonNullable<RunInstancesCommandInput['InstanceType']>,
    ...('ami' in settings.boot ? { ImageId: settings.boot.ami } : { LaunchTemplate: template(settings.boot.template) }),
    ...network(offering, settings),
    ...('zone' in place ? { Placement: { AvailabilityZone: place.zone } } : {}),
    ...(market === 'spot' ? { InstanceMarketOptions: spotOptions(settings) } : {}),
    IamInstanceProfile:
      'arn' in settings.iamInstanceProfile
        ? { Arn: settings.iamInstanceProfile.arn }
        : { Name: settings.iamInstanceProfile.name },
    // EC2's default is `stop`: a machine that ends itself would stay, cost its disk, and look like one of ours.
    InstanceInitiatedShutdownBehavior: 'terminate',
    MetadataOptions: {
      HttpEndpoint: 'enabled',
      HttpTokens: 'required',
      HttpPutResponseHopLimit: 1,
      HttpProtocolIpv6: 'disabled',
      InstanceMetadataTags: 'disabled',
    },
    ...(settings.keyName === undefined ? {} : { KeyName: settings.keyName }),
    ...(settings.rootVolume === undefined ? {} : { BlockDeviceMappings: [rootDevice(settings.rootVolume)] }),
    TagSpecifications: tagged.map((ResourceType) => ({ ResourceType, Tags: tags })),
    UserData: userData(request, offering, settings),
  };
};

const network = (
  { place }: Offering,
  settings: Ec2Settings,
): Pick<RunInstancesCommandInput, 'SubnetId' | 'SecurityGroupIds' | 'NetworkInterfaces'> => {
  const groups = settings.securityGroups.length === 0 ? undefined : [...settings.securityGroups];
  // A public address can be asked for only on an explicit interface, which then carries subnet and groups too.
  if (settings.publicIp !== undefined && 'subnet' in place) {
    return {
      NetworkInterfaces: [
        {
          DeviceIndex: 0,
          SubnetId: place.subnet,
          AssociatePublicIpAddress: settings.publicIp,
          DeleteOnTermination: true,
          ...(groups === undefined ? {} : { Groups: groups }),
        },
      ],
    };
  }
  return {
    ...('subnet' in place ? { SubnetId: place.subnet } : {}),
    ...(groups === undefined ? {} : { SecurityGroupIds: groups }),
  };
};

/** One-time: a persistent request would launch the machine again after we have ended it. */
const spotOptions = (settings: Ec2Settings): RunInstancesCommandInput['InstanceMarketOptions'] => ({
  MarketType: 'spot',
  SpotOptions: {
    SpotInstanceType: 'one-time',
    InstanceInterruptionBehavior: 'terminate',
    ...(settings.spotMaxPrice === undefined ? {} : { MaxPrice: String(settings.spotMaxPrice) }),
  },
});

const rootDevice = (volume: NonNullable<Ec2Settings['rootVolume']>) => ({
  DeviceName: volume.device,
  Ebs: { VolumeSize: volume.sizeGb, VolumeType: volume.type, DeleteOnTermination: true, Encrypted: true },
});

const template = (from: { readonly version: string } & ({ readonly id: string } | { readonly name: string })) => ({
  ...('id' in from ? { LaunchTemplateId: from.id } : { LaunchTemplateName: from.name }),
  Version: from.version,
});

const userData = (request: LaunchRequest, { market }: Offering, settings: Ec2Settings): string => {
  for (const [name, value] of Object.entries(request.secrets)) {
    const option = SECRET_OPTIONS[name];
    if (option === undefined || settings.secrets[option] === undefined) {
      throw invalid(
        `the runner needs ${name}, so ec2() needs \`secrets.${option ?? name}\`: the name under which the machine finds it`,
      );
    }
    const open = [...Object.values(request.env), ...Object.values(settings.tags), ...wordsOf(settings.application)];
    if (findOpenSecret({ [name]: value }, open) !== undefined) {
      throw invalid(
        `the value of ${name}, or a part of it, would stand in user-data or tags, which others can read; take it out of the pool's env and the options`,
      );
    }
  }
  const script = renderUserData(userDataSpec(request, settings, market));
  const bytes = Buffer.byteLength(script);
  if (bytes > MAX_USER_DATA_BYTES) {
    throw invalid(
      `user-data would have ${bytes} bytes, EC2 allows ${MAX_USER_DATA_BYTES}: make the pool's env smaller`,
    );
  }
  return Buffer.from(script).toString('base64');
};

const SECRET_OPTIONS: Readonly<Record<string, keyof Ec2Settings['secrets']>> = {
  FLAME_REDIS_URL: 'redisUrl',
  FLAME_SIGNING_KEY: 'signingKey',
  FLAME_ENCRYPTION_KEYS: 'encryptionKeys',
};

const wordsOf = (application: Ec2Settings['application']): readonly string[] =>
  'image' in application ? [...application.command, ...application.runArguments] : application.command;

const invalid = (message: string): FlameLaunchError => new FlameLaunchError(`ec2: ${message}`, { kind: 'invalid' });
