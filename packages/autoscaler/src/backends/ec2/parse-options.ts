/** Options as users write them → settings without gaps. One error lists every problem. */
import { type ConfigProblem, type Duration, FlameConfigError, parseDuration } from '@flamejs/queue';
import { type Ec2Options, type Ec2Settings, type Place, placeName, type SecretReference } from './options.ts';
import { parseApplication } from './parse-application.ts';

const KNOWN = [
  'region',
  'instanceTypes',
  'subnets',
  'zones',
  'ami',
  'launchTemplate',
  'spot',
  'spotMaxPrice',
  'application',
  'secrets',
  'iamInstanceProfile',
  'securityGroups',
  'publicIp',
  'rootVolume',
  'keyName',
  'tags',
  'deadMan',
  'maxLifetime',
  'endpoint',
  'credentials',
  'requestTimeout',
] as const satisfies readonly (keyof Ec2Options)[];

const MARKETS = { never: ['on-demand'], only: ['spot'], prefer: ['spot', 'on-demand'] } as const;

export type Report = (path: string, message: string) => void;

/** @throws FlameConfigError */
export const parseOptions = (options: Ec2Options): Ec2Settings => {
  const problems: ConfigProblem[] = [];
  const report: Report = (path, message) => {
    problems.push({ path, message });
  };
  const duration = (path: string, value: Duration, min: number): number => {
    try {
      const ms = parseDuration(value, path);
      if (ms < min) report(path, `must be at least ${min} ms`);
      return ms;
    } catch (error) {
      report(path, error instanceof Error ? error.message : String(error));
      return min;
    }
  };
  for (const name of Object.keys(options)) {
    if (!KNOWN.some((known) => known === name)) report(name, `is no option of ec2(); known: ${KNOWN.join(', ')}`);
  }
  match(options.region, /^[a-z]{2}(-[a-z]+)+-\d$/, 'region', 'a region such as eu-central-1', report);
  if ((options.instanceTypes ?? []).length === 0) report('instanceTypes', 'needs at least one instance type');
  for (const type of options.instanceTypes ?? []) {
    match(type, /^[a-z0-9-]+\.[a-z0-9-]+$/, 'instanceTypes', 'instance types such as c7g.large', report);
  }
  for (const group of options.securityGroups ?? []) {
    match(group, /^sg-[0-9a-f]+$/, 'securityGroups', 'ids such as sg-0123456789abcdef0', report);
  }
  const spot = options.spot ?? 'never';
  if (!Object.hasOwn(MARKETS, spot)) report('spot', `expected 'never', 'prefer' or 'only', got '${spot}'`);
  if (options.spotMaxPrice !== undefined && !(options.spotMaxPrice > 0)) report('spotMaxPrice', 'must be above 0');
  const deadManMs = duration('deadMan', options.deadMan ?? '15m', 60_000);
  if (deadManMs % 60_000 !== 0) report('deadMan', 'must be whole minutes: shutdown(8) knows no others');
  const settings: Ec2Settings = {
    region: options.region,
    instanceTypes: unique(options.instanceTypes ?? []),
    places: parsePlaces(options, report),
    boot: parseBoot(options, report),
    markets: MARKETS[spot] ?? MARKETS.never,
    spotMaxPrice: options.spotMaxPrice,
    application: parseApplication(options.application, report),
    secrets: {
      redisUrl: parseSecret('secrets.redisUrl', options.secrets?.redisUrl, report),
      signingKey: parseSecret('secrets.signingKey', options.secrets?.signingKey, report),
      encryptionKeys: parseSecret('secrets.encryptionKeys', options.secrets?.encryptionKeys, report),
    },
    iamInstanceProfile: parseProfile(options.iamInstanceProfile, report),
    securityGroups: unique(options.securityGroups ?? []),
    publicIp: options.publicIp,
    rootVolume: options.rootVolume === undefined ? undefined : { type: 'gp3', ...options.rootVolume },
    keyName: options.keyName,
    tags: parseTags(options.tags ?? {}, report),
    deadManMinutes: Math.floor(deadManMs / 60_000),
    maxLifetimeMs: duration('maxLifetime', options.maxLifetime ?? '24h', 60_000),
    endpoint: options.endpoint,
    credentials: options.credentials,
    requestTimeoutMs: duration('requestTimeout', options.requestTimeout ?? '30s', 1),
  };
  if (settings.publicIp !== undefined && settings.places.some((place) => 'zone' in place)) {
    report('publicIp', 'needs `subnets`: with `zones` the default subnets decide');
  }
  if (problems.length > 0) throw problemsError(problems);
  return settings;
};

const parsePlaces = (options: Ec2Options, report: Report): readonly Place[] => {
  const subnets = options.subnets ?? [];
  const zones = options.zones ?? [];
  if (subnets.length > 0 === zones.length > 0) {
    report('subnets', 'give either `subnets` or `zones` (of the default VPC), with at least one entry');
  }
  for (const id of subnets) match(id, /^subnet-[0-9a-f]+$/, 'subnets', 'ids such as subnet-0123456789abcdef0', report);
  for (const zone of zones) {
    if (!zone.startsWith(options.region)) report('zones', `${zone} is not in ${options.region}`);
  }
  const places: readonly Place[] =
    subnets.length > 0 ? subnets.map((subnet) => ({ subnet })) : zones.map((zone) => ({ zone }));
  return [...new Map(places.map((place) => [placeName(place), place])).values()];
};

const parseBoot = (options: Ec2Options, report: Report): Ec2Settings['boot'] => {
  const { ami, launchTemplate } = options;
  if ((ami === undefined) === (launchTemplate === undefined)) {
    report('ami', 'give either `ami` or `launchTemplate`');
    return { ami: '' };
  }
  if (launchTemplate === undefined) {
    match(ami, /^ami-[0-9a-f]+$/, 'ami', 'an id such as ami-0123456789abcdef0', report);
    return { ami: ami ?? '' };
  }
  const { id, name, version } = launchTemplate;
  if (!Number.isInteger(version) || version < 1) {
    report('launchTemplate.version', 'must be a number: $Latest and $Default change under running pools');
  }
  if ((id === undefined) === (name === undefined)) report('launchTemplate', 'give either `id` or `name`');
  return { template: { ...(id !== undefined ? { id } : { name: name ?? '' }), version: String(version) } };
};

const parseSecret = (
  path: string,
  secret: SecretReference | undefined,
  report: Report,
): SecretReference | undefined => {
  if (secret === undefined) return undefined;
  const name = 'ssm' in secret ? secret.ssm : secret.secretsManager;
  // A value given in place of a name would end up in user-data, which every process on the machine may read.
  if (typeof name === 'string' && /^[\w./:@+=,-]{1,1024}$/.test(name) && !name.includes('://')) return secret;
  report(path, "expected { ssm: 'name' } or { secretsManager: 'name' } with the name (not the value) of the secret");
  return undefined;
};

const parseProfile = (profile: string, report: Report): Ec2Settings['iamInstanceProfile'] => {
  if (typeof profile !== 'string' || profile === '') {
    report(
      'iamInstanceProfile',
      'expected the name or ARN of an instance profile: the machine reads its secrets with it',
    );
    return { name: '' };
  }
  return profile.startsWith('arn:') ? { arn: profile } : { name: profile };
};

const parseTags = (tags: Readonly<Record<string, string>>, report: Report): Readonly<Record<string, string>> => {
  if (Object.keys(tags).length > 40) report('tags', 'at most 40: EC2 allows 50 and some are ours');
  for (const [key, value] of Object.entries(tags)) {
    if (/^(aws|flame):/i.test(key)) report(`tags.${key}`, 'the prefixes aws: and flame: are reserved');
    if (key.length > 128 || value.length > 256) report(`tags.${key}`, 'keys have at most 128 characters, values 256');
  }
  return tags;
};

export const match = (value: unknown, pattern: RegExp, path: string, expected: string, report: Report): void => {
  if (typeof value !== 'string' || !pattern.test(value))
    report(path, `expected ${expected}, got ${JSON.stringify(value)}`);
};

const unique = (values: readonly string[]): readonly string[] => [...new Set(values)];

const problemsError = (problems: readonly ConfigProblem[]): FlameConfigError => {
  const lines = problems.map(({ path, message }) => `${path}: ${message}`);
  const head =
    lines.length === 1 ? `ec2(): ${lines[0]}` : [`ec2() has ${lines.length} problems:`, ...lines].join('\n  - ');
  return new FlameConfigError(head, { problems });
};
