import {
  type Bytes,
  type ConfigProblem,
  type Duration,
  FlameConfigError,
  parseBytes,
  parseDuration,
} from '@flamejs/queue';
import { IMAGE } from '../by-release.ts';
import type { KubernetesOptions, KubernetesSettings, SecretKey } from './options.ts';

const KNOWN = [
  'image',
  'imagePullSecrets',
  'namespace',
  'kubeconfig',
  'context',
  'serviceAccount',
  'command',
  'config',
  'user',
  'memory',
  'cpus',
  'tmp',
  'secrets',
  'podTemplate',
  'owned',
  'events',
  'maxLifetime',
  'requestTimeout',
] as const satisfies readonly (keyof KubernetesOptions)[];

/** Their variables, by what the options call them. */
export const SECRETS = {
  redisUrl: 'FLAME_REDIS_URL',
  signingKey: 'FLAME_SIGNING_KEY',
  encryptionKeys: 'FLAME_ENCRYPTION_KEYS',
} as const;

const SMALLEST_MEMORY = 64 * 1024 ** 2;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;

/** @throws FlameConfigError that lists every problem. */
export const parseOptions = (options: KubernetesOptions): KubernetesSettings => {
  const problems: ConfigProblem[] = [];
  const report = (path: string, message: string): void => {
    problems.push({ path, message });
  };
  const parsed = <T>(path: string, value: T, parse: (value: T, path: string) => number): number => {
    try {
      return parse(value, path);
    } catch (error) {
      report(path, error instanceof Error ? error.message : String(error));
      return 0;
    }
  };
  const bytes = (path: string, value: Bytes): number => parsed(path, value, parseBytes);
  const duration = (path: string, value: Duration): number => parsed(path, value, parseDuration);
  const named = (path: string, value: string | undefined, pattern: RegExp): void => {
    if (value !== undefined && !pattern.test(value)) report(path, `'${value}' is no name in Kubernetes`);
  };

  for (const name of Object.keys(options)) {
    if (!KNOWN.some((known) => known === name))
      report(name, `is no option of kubernetes(); known: ${KNOWN.join(', ')}`);
  }
  const { image, command = ['node_modules/.bin/flame', 'runner'], user = '1000:1000' } = options;
  if (image !== undefined && typeof image !== 'function' && (typeof image !== 'string' || !IMAGE.test(image)))
    report('image', `expected an image reference such as registry/name:tag, got ${JSON.stringify(image)}`);
  if (command.length === 0) report('command', 'needs at least one word');
  if (!/^\d+:\d+$/.test(user)) report('user', "expected numbers such as '1000:1000'");
  if (/^0+:/.test(user)) report('user', 'must not be root');
  named('namespace', options.namespace, DNS_LABEL);
  named('serviceAccount', options.serviceAccount, DNS_NAME);
  for (const [i, name] of (options.imagePullSecrets ?? []).entries()) named(`imagePullSecrets[${i}]`, name, DNS_NAME);
  if (options.cpus !== undefined && !(options.cpus > 0)) report('cpus', 'must be above 0');
  const memory = options.memory === undefined ? undefined : bytes('memory', options.memory);
  if (memory !== undefined && memory > 0 && memory < SMALLEST_MEMORY) report('memory', 'must be at least 64MB');
  for (const [name, { name: secret, key }] of secretsOf(options, report)) {
    named(`secrets.${name}.name`, secret, DNS_NAME);
    if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key)) report(`secrets.${name}.key`, `'${key}' is no key of a Secret`);
  }
  const settings: KubernetesSettings = {
    image,
    imagePullSecrets: options.imagePullSecrets,
    namespace: options.namespace,
    kubeconfig: options.kubeconfig,
    context: options.context,
    serviceAccount: options.serviceAccount ?? 'flame-runner',
    command,
    config: options.config,
    user: Number(user.split(':')[0]),
    group: Number(user.split(':')[1]),
    memory,
    cpus: options.cpus,
    tmp: bytes('tmp', options.tmp ?? '1GB'),
    secrets:
      options.secrets === 'env'
        ? 'env'
        : Object.fromEntries(secretsOf(options, () => undefined).map(([name, key]) => [SECRETS[name], key])),
    podTemplate: options.podTemplate ?? {},
    owned: options.owned ?? false,
    events: options.events ?? false,
    maxLifetimeMs: options.maxLifetime === undefined ? undefined : duration('maxLifetime', options.maxLifetime),
    requestTimeoutMs: duration('requestTimeout', options.requestTimeout ?? '10s'),
  };
  if (problems.length > 0) {
    const lines = problems.map(({ path, message }) => `${path}: ${message}`);
    throw new FlameConfigError(`kubernetes(): ${lines.join('; ')}`, { problems });
  }
  return settings;
};

const secretsOf = (
  { secrets = {} }: KubernetesOptions,
  report: (path: string, message: string) => void,
): readonly (readonly [keyof typeof SECRETS, SecretKey])[] => {
  if (secrets === 'env') return [];
  return Object.entries(secrets).flatMap(([name, value]) => {
    if (!Object.hasOwn(SECRETS, name)) {
      report(`secrets.${name}`, `is no secret of a runner; known: ${Object.keys(SECRETS).join(', ')}`);
      return [];
    }
    if (value === undefined) return [];
    if (typeof value.name === 'string' && typeof value.key === 'string')
      return [[name as keyof typeof SECRETS, value] as const];
    report(`secrets.${name}`, 'expected { name, key } of a Secret');
    return [];
  });
};
