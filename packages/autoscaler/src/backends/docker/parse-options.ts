import { isAbsolute } from 'node:path';
import { type Bytes, type ConfigProblem, FlameConfigError, parseBytes } from '@flamejs/queue';
import { IMAGE } from '../by-release.ts';
import type { DockerOptions, DockerSettings } from './options.ts';

const KNOWN = [
  'image',
  'command',
  'config',
  'pull',
  'user',
  'network',
  'memory',
  'cpus',
  'pids',
  'tmp',
  'secretFiles',
  'extraHosts',
  'host',
] as const satisfies readonly (keyof DockerOptions)[];

const SMALLEST_MEMORY = 6 * 1024 ** 2;

/** @throws FlameConfigError that lists every problem. */
export const parseOptions = (options: DockerOptions): DockerSettings => {
  const problems: ConfigProblem[] = [];
  const report = (path: string, message: string): void => {
    problems.push({ path, message });
  };
  const bytes = (path: string, value: Bytes): number => {
    try {
      return parseBytes(value, path);
    } catch (error) {
      report(path, error instanceof Error ? error.message : String(error));
      return 0;
    }
  };
  for (const name of Object.keys(options)) {
    if (!KNOWN.some((known) => known === name)) report(name, `is no option of docker(); known: ${KNOWN.join(', ')}`);
  }
  const {
    image,
    command = ['node_modules/.bin/flame', 'runner'],
    user = '1000:1000',
    network = 'bridge',
    pids = 4096,
  } = options;
  if (typeof image !== 'function' && (typeof image !== 'string' || !IMAGE.test(image))) {
    report('image', `expected an image reference such as registry/name:tag, got ${JSON.stringify(image)}`);
  }
  if (command.length === 0) report('command', 'needs at least one word');
  if (!/^\d+:\d+$/.test(user)) report('user', "expected numbers such as '1000:1000'");
  if (/^0+:/.test(user)) report('user', 'must not be root');
  // The host's network would give user code whatever listens on the host's loopback.
  if (network === 'host' || network.startsWith('container:'))
    report('network', `'${network}' would share a network; use one of your own`);
  if (options.pull !== undefined && !['missing', 'never'].includes(options.pull))
    report('pull', "expected 'missing' or 'never'");
  if (options.cpus !== undefined && !(options.cpus > 0)) report('cpus', 'must be above 0');
  if (!Number.isInteger(pids) || pids < 1) report('pids', 'must be a whole number above 0');
  const memory = options.memory === undefined ? undefined : bytes('memory', options.memory);
  if (memory !== undefined && memory < SMALLEST_MEMORY)
    report('memory', 'must be at least 6MB, which is what Docker takes');
  for (const name of ['redisUrl', 'signingKey', 'encryptionKeys'] as const) {
    const path = options.secretFiles?.[name];
    if (path !== undefined && (!isAbsolute(path) || path.includes(':')))
      report(`secretFiles.${name}`, 'expected an absolute path');
  }
  if (options.host !== undefined && !/^(\/|unix:\/\/\/|tcp:\/\/[^/]+:\d+$|https?:\/\/[^/]+:\d+$)/.test(options.host)) {
    report('host', "expected a socket's path or tcp://host:port");
  }
  const settings: DockerSettings = {
    image,
    command,
    config: options.config,
    pull: options.pull ?? 'missing',
    user,
    network,
    memory,
    cpus: options.cpus,
    pids,
    tmp: bytes('tmp', options.tmp ?? '256MB'),
    secretFiles: {
      redisUrl: options.secretFiles?.redisUrl,
      signingKey: options.secretFiles?.signingKey,
      encryptionKeys: options.secretFiles?.encryptionKeys,
    },
    extraHosts: options.extraHosts ?? [],
    host: options.host,
  };
  if (problems.length > 0) {
    const lines = problems.map(({ path, message }) => `${path}: ${message}`);
    throw new FlameConfigError(`docker(): ${lines.join('; ')}`, { problems });
  }
  return settings;
};
