/** The environment of executors: little of the runner's, by name, and never what must stay with the runner. Pure. */
import { holdsSecret } from '@flamejs/protocol/secret-parts';
import type { OwnSecrets } from '@flamejs/queue/internal';
import { EXECUTOR_ENV, MARK_ENV } from './markers.ts';
import { inheritableNodeOptions } from './node-options.ts';

/** What every executor gets when its runner has it; docs/executors.md lists the same, and a test compares them. */
export const BASIC_ENV: readonly string[] = [
  ...[
    'PATH',
    'HOME',
    'USER',
    'LOGNAME',
    'SHELL',
    'HOSTNAME',
    'TMPDIR',
    'TMP',
    'TEMP',
    'TZ',
    'LANG',
    'LANGUAGE',
    'LC_*',
  ],
  ...['TERM', 'COLORTERM', 'NO_COLOR', 'FORCE_COLOR', 'CI', 'DEBUG', 'XDG_*', 'LD_LIBRARY_PATH'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_ENV', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS'],
  // But for *_HEADERS, which hold what signs in at a collector.
  'OTEL_*',
  ...['FLAME_APP', 'FLAME_CONFIG', 'FLAME_ROOT', 'FLAME_RELEASE', 'FLAME_POOL', 'FLAME_RUNNER_ID', 'FLAME_LOG_LEVEL'],
  ...[
    'SystemRoot',
    'SystemDrive',
    'windir',
    'ComSpec',
    'PATHEXT',
    'APPDATA',
    'LOCALAPPDATA',
    'ProgramData',
    'USERPROFILE',
  ],
];

/** Beside the values of secrets: whoever holds these could reach Redis, the dashboard, or the files with them. */
const OURS = /^FLAME_(REDIS_URL|REDIS_PASSWORD|SIGNING_KEY|ENCRYPTION_KEYS|DASHBOARD_\w*TOKEN)(_FILE)?$/;

/** How code of the application could get a variable that its executor has not: by which option, if any. */
export type WayIn = 'passEnv' | 'env' | 'none';

export interface ExecutorEnvOptions {
  /** The runner's. */
  readonly own: NodeJS.ProcessEnv;
  /** The pool's own variables; they win. */
  readonly env: Readonly<Record<string, string>>;
  readonly passEnv: readonly string[];
  readonly secrets: OwnSecrets;
}

export interface ExecutorEnv {
  readonly env: Readonly<Record<string, string>>;
  /** Names that the runner has and the executor has not. */
  readonly withheld: ReadonlyMap<string, WayIn>;
}

export const executorEnv = ({ own, env: given, passEnv, secrets }: ExecutorEnvOptions): ExecutorEnv => {
  const isBasic = matcher(BASIC_ENV);
  const isPassed = matcher(passEnv);
  const passes = (name: string): boolean =>
    isPassed(name) || (isBasic(name) && !(name.startsWith('OTEL_') && name.endsWith('_HEADERS')));
  const env: Record<string, string> = {};
  const withheld = new Map<string, WayIn>();
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined || name === 'NODE_OPTIONS' || Object.hasOwn(given, name)) continue;
    if (OURS.test(name) || holdsSecret(value, secrets.keys) || holdsSecret(value, secrets.others))
      withheld.set(name, isKey(name, value, secrets) ? 'none' : 'env');
    else if (passes(name)) env[name] = value;
    else withheld.set(name, 'passEnv');
  }
  const nodeOptions = inheritableNodeOptions(own.NODE_OPTIONS);
  if (nodeOptions !== undefined) env.NODE_OPTIONS = nodeOptions;
  // Whoever holds a key can make calls or read them: no option brings one here.
  for (const [name, value] of Object.entries(given)) {
    if (isKey(name, value, secrets)) withheld.set(name, 'none');
    else env[name] = value;
  }
  return { env, withheld };
};

/** @returns the environment of one executor. @param mark unique for it */
export const markedEnv = ({ env }: ExecutorEnv, mark: string): Readonly<Record<string, string>> => ({
  ...env,
  [EXECUTOR_ENV]: '1',
  [MARK_ENV]: mark,
});

/** @returns the sentence for somebody whose code reads a variable that its executor was not given. */
export const missedEnvAdvice = (name: string, wayIn: WayIn): string => {
  const found = `code of the application reads ${name}, which this runner has and its executors are not given`;
  if (wayIn === 'none') return `${found}: it holds a key of Flame, which no option passes to functions`;
  if (wayIn === 'passEnv') return `${found}: add passEnv: ['${name}'] to the pool or the app in flame.config`;
  return `${found}: it holds a secret of Flame; if functions must have it, add env: { ${name}: process.env.${name} ?? '' } to the pool in flame.config`;
};

const isKey = (name: string, value: string, secrets: OwnSecrets): boolean =>
  /^FLAME_(SIGNING_KEY|ENCRYPTION_KEYS)(_FILE)?$/.test(name) || holdsSecret(value, secrets.keys);

/** @param patterns names in which `*` stands for any characters */
const matcher = (patterns: readonly string[]): ((name: string) => boolean) => {
  const plain = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const wild = patterns
    .filter((pattern) => pattern.includes('*'))
    .map((pattern) => pattern.split(/\*+/).map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&')));
  const tests = wild.map((parts) => new RegExp(`^${parts.join('.*')}$`, 's'));
  return (name) => plain.has(name) || tests.some((test) => test.test(name));
};
