/** What a user may say to `fly()`; the defaults are what Fly tells a machine about itself, so the image is the parent's own. */
import {
  type Bytes,
  type ConfigProblem,
  type Duration,
  FlameConfigError,
  parseBytes,
  parseDuration,
} from '@flamejs/queue';
import type { ByRelease } from '../by-release.ts';

export interface FlyOptions {
  /** The Fly app whose machines runners are. Default: FLY_APP_NAME. */
  readonly app?: string;
  /** Default: FLY_IMAGE_REF, the image of the machine that this runs on. A function gives the image of a release. */
  readonly image?: ByRelease;
  /** Regions in order of preference. Default: FLY_REGION. */
  readonly regions?: readonly string[];
  /** Default: FLY_API_TOKEN. A deploy token of the app suffices. */
  readonly token?: string;
  readonly cpuKind?: 'shared' | 'performance';
  readonly cpus?: number;
  /** Default `'1GB'`; a multiple of 256MB. */
  readonly memory?: Bytes;
  /** Default `['node_modules/.bin/flame', 'runner']`. */
  readonly command?: readonly string[];
  /** The config file, relative to the image's working directory. Default: the file name of the controller's. */
  readonly config?: string;
  /**
   * `'app'` (default): FLAME_REDIS_URL and FLAME_SIGNING_KEY are secrets of the Fly app (`fly secrets set`), and only Fly
   * hands them to machines. `'env'`: they are part of each machine's configuration, which whoever may list it can read.
   */
  readonly secrets?: 'app' | 'env';
  /** Default `https://api.machines.dev`; inside Fly's network `http://_api.internal:4280`. */
  readonly endpoint?: string;
  /** How long one request may take before its outcome counts as unknown. Default `'30s'`. */
  readonly requestTimeout?: Duration;
}

export interface FlySettings {
  readonly app: string;
  readonly image: ByRelease;
  readonly regions: readonly string[];
  readonly token: string;
  readonly guest: { readonly cpu_kind: 'shared' | 'performance'; readonly cpus: number; readonly memory_mb: number };
  readonly command: readonly string[];
  readonly config: string | undefined;
  readonly secrets: 'app' | 'env';
  readonly endpoint: string;
  readonly requestTimeoutMs: number;
}

const KNOWN = [
  'app',
  'image',
  'regions',
  'token',
  'cpuKind',
  'cpus',
  'memory',
  'command',
  'config',
  'secrets',
  'endpoint',
  'requestTimeout',
];
const MB = 1024 ** 2;

/** @throws FlameConfigError that lists every problem. */
export const parseOptions = (options: FlyOptions, env: Readonly<Record<string, string | undefined>>): FlySettings => {
  const problems: ConfigProblem[] = [];
  const report = (path: string, message: string): void => {
    problems.push({ path, message });
  };
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) report(name, `is no option of fly(); known: ${KNOWN.join(', ')}`);
  }
  const required = <T extends ByRelease>(path: string, value: T | undefined, variable: string): T | string => {
    if (value === undefined || value === '') report(path, `is needed, or the environment's ${variable}`);
    return value ?? '';
  };
  const parsed = (path: string, parse: () => number): number => {
    try {
      return parse();
    } catch (error) {
      report(path, error instanceof Error ? error.message : String(error));
      return 0;
    }
  };
  const memoryMb = parsed('memory', () => parseBytes(options.memory ?? '1GB', 'memory')) / MB;
  if (memoryMb < 256 || memoryMb % 256 !== 0) report('memory', 'must be a multiple of 256MB');
  const cpus = options.cpus ?? 1;
  if (!Number.isInteger(cpus) || cpus < 1) report('cpus', 'must be a whole number above 0');
  const regions = options.regions ?? (env.FLY_REGION ? [env.FLY_REGION] : []);
  if (regions.length === 0) report('regions', "needs at least one region, or the environment's FLY_REGION");
  for (const region of regions)
    if (!/^[a-z]{3}$/.test(region)) report('regions', `'${region}' is no region such as fra`);
  const command = options.command ?? ['node_modules/.bin/flame', 'runner'];
  if (command.length === 0) report('command', 'needs at least one word');
  const settings: FlySettings = {
    app: required('app', options.app ?? env.FLY_APP_NAME, 'FLY_APP_NAME'),
    image: required('image', options.image ?? env.FLY_IMAGE_REF, 'FLY_IMAGE_REF'),
    token: required('token', options.token ?? env.FLY_API_TOKEN, 'FLY_API_TOKEN'),
    regions,
    guest: { cpu_kind: options.cpuKind ?? 'shared', cpus, memory_mb: memoryMb },
    command,
    config: options.config,
    secrets: options.secrets ?? 'app',
    endpoint: (options.endpoint ?? 'https://api.machines.dev').replace(/\/$/, ''),
    requestTimeoutMs: parsed('requestTimeout', () => parseDuration(options.requestTimeout ?? '30s', 'requestTimeout')),
  };
  if (problems.length > 0) {
    throw new FlameConfigError(`fly(): ${problems.map(({ path, message }) => `${path}: ${message}`).join('; ')}`, {
      problems,
    });
  }
  return settings;
};
