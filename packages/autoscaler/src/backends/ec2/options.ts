/** What a user may say to `ec2()`. Durations are milliseconds or texts such as `'15m'` where a field says so. */
import type { Duration } from '@flamejs/queue';
import type { ByRelease } from '../by-release.ts';

/** Where a secret lies. Only this name travels to the machine; the machine reads the value with its instance profile. */
export type SecretReference =
  /** Name or ARN of an SSM parameter (SecureString). */
  | { readonly ssm: string }
  /** Name or ARN of a Secrets Manager secret whose whole string is the value. */
  | { readonly secretsManager: string };

interface AnyApplication {
  /** What is run. Default `['node_modules/.bin/flame', 'runner']`, relative to the application's working directory. */
  readonly command?: readonly string[];
  /** The config file, relative to that directory. Default: the file name of the one that the controller has loaded. */
  readonly config?: string;
}

/** The application as a container image. The AMI needs `docker` and `aws`. */
export interface ImageApplication extends AnyApplication {
  /**
   * Registry address, with a tag or better a digest. Images in ECR are pulled with the instance profile. A function gives
   * that of a release, so that a pool can roll over to the release that calls wait for.
   */
  readonly image: ByRelease;
  /** Numeric `uid:gid` that the container runs as, and that may read the secrets. Default `'1000:1000'`. */
  readonly user?: string;
  /** Further arguments of `docker run`, such as `['--gpus', 'all']`. Default none. */
  readonly runArguments?: readonly string[];
}

/** The application as a `.tar.gz` in S3, run on the host by a user of its own. The AMI needs `node` and `aws`. */
export interface ArchiveApplication extends AnyApplication {
  /** `s3://bucket/key.tar.gz`; unpacked as it is, with `node_modules`. A function gives that of a release. */
  readonly archive: ByRelease;
  /** Hex SHA-256 of the archive; when given, anything else is refused by the machine. Not with a function. */
  readonly sha256?: string;
}

export interface Ec2Options {
  /** `eu-central-1`. One backend serves one region. */
  readonly region: string;
  /** Types in order of preference; all of the AMI's architecture. */
  readonly instanceTypes: readonly string[];
  /** Subnets in order of preference. Either these or `zones`. */
  readonly subnets?: readonly string[];
  /** Availability zones of the default VPC, in order of preference. Either these or `subnets`. */
  readonly zones?: readonly string[];
  /** `ami-…`. Either this or `launchTemplate`. */
  readonly ami?: string;
  /** A launch template with a fixed version: `$Latest` would change under running pools. Options given here win over it. */
  readonly launchTemplate?: { readonly id?: string; readonly name?: string; readonly version: number };
  /** `'never'` (default), `'only'`, or `'prefer'`: spot first, on demand when no spot offering has capacity. */
  readonly spot?: 'never' | 'prefer' | 'only';
  /** US dollars an hour per instance; default the on-demand price, as AWS advises. */
  readonly spotMaxPrice?: number;
  readonly application: ImageApplication | ArchiveApplication;
  /** Needed for whatever the app has: a Redis URL (Cluster and Sentinel have none), a signing key, encryption keys (`id:key,id:key`). */
  readonly secrets: {
    readonly redisUrl?: SecretReference;
    readonly signingKey?: SecretReference;
    readonly encryptionKeys?: SecretReference;
  };
  /** Name or ARN. It reads the secrets and the application, nothing else. */
  readonly iamInstanceProfile: string;
  /** `sg-…`; default those of the launch template or the VPC. */
  readonly securityGroups?: readonly string[];
  /** Whether the machine gets a public address; default what the subnet says. */
  readonly publicIp?: boolean;
  /** Root disk, when the AMI's own is too small. Encrypted, and deleted with the machine. */
  readonly rootVolume?: { readonly device: string; readonly sizeGb: number; readonly type?: 'gp3' | 'gp2' };
  /** Name of a key pair for SSH; default none. */
  readonly keyName?: string;
  /** More tags for machine, disk and network interface. `flame:` and `aws:` are reserved. */
  readonly tags?: Readonly<Record<string, string>>;
  /** A machine without contact for so long ends itself. Default `'15m'`, at least a minute, whole minutes. */
  readonly deadMan?: Duration;
  /** A machine of this age drains and ends. Default `'24h'`. */
  readonly maxLifetime?: Duration;
  /** Another address of the EC2 API: VPC endpoints, tests. */
  readonly endpoint?: string;
  /** Default: the SDK's chain (environment, profile, container, instance). */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** How long one request may take before its outcome counts as unknown. Default `'30s'`. */
  readonly requestTimeout?: Duration;
}

type Reading<T, Optional extends keyof T> = Required<Omit<T, Optional>> & {
  readonly [K in Optional]: T[K] | undefined;
};
export type ImageSettings = Reading<ImageApplication, 'config'>;
export type ArchiveSettings = Reading<ArchiveApplication, 'config' | 'sha256'>;

/** The same, checked and fully defaulted. */
export interface Ec2Settings {
  readonly region: string;
  readonly instanceTypes: readonly string[];
  readonly places: readonly Place[];
  readonly boot: { readonly ami: string } | { readonly template: LaunchTemplate };
  readonly markets: readonly Market[];
  readonly spotMaxPrice: number | undefined;
  readonly application: ImageSettings | ArchiveSettings;
  readonly secrets: {
    readonly redisUrl: SecretReference | undefined;
    readonly signingKey: SecretReference | undefined;
    readonly encryptionKeys: SecretReference | undefined;
  };
  readonly iamInstanceProfile: { readonly name: string } | { readonly arn: string };
  readonly securityGroups: readonly string[];
  readonly publicIp: boolean | undefined;
  readonly rootVolume: { readonly device: string; readonly sizeGb: number; readonly type: 'gp3' | 'gp2' } | undefined;
  readonly keyName: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly deadManMinutes: number;
  readonly maxLifetimeMs: number;
  readonly endpoint: string | undefined;
  readonly credentials: Ec2Options['credentials'];
  readonly requestTimeoutMs: number;
}

export type Market = 'on-demand' | 'spot';
export type Place = { readonly subnet: string } | { readonly zone: string };
export type LaunchTemplate = ({ readonly id: string } | { readonly name: string }) & { readonly version: string };

export const placeName = (place: Place): string => ('subnet' in place ? place.subnet : place.zone);
