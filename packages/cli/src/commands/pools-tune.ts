/** `npx flamejs pools tune`: settings of a running pool. */
import type { Operations, TunedSettings, TuningView } from '@flamejs/dashboard/operations';
import { parseDuration } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';
import type { Command } from 'commander';
import { say, sayFacts, sayJson } from '../output/print.ts';
import { duration, moment, plural } from '../output/words.ts';
import { whoami } from '../whoami.ts';
import { optionsOf, withTuner } from '../with-operations.ts';

interface Options {
  readonly reset?: boolean;
  readonly exactly?: string;
  readonly for: string;
  readonly json?: boolean;
}

export const SETTINGS_HELP = `
Settings: min, max, buffer, idleShutdownAfter, scaleDownWindow, policy, paused; "=config" takes one back to the config.
`;
const HELP = `${SETTINGS_HELP}
  npx flamejs pools tune images min=2 max=20
  npx flamejs pools tune images idleShutdownAfter=5m policy='{"name": "waitTime", "options": {"target": "10s"}}'
  npx flamejs pools tune images --exactly 10 --for 2h  so many runners, whatever the policy wants
  npx flamejs pools tune images --reset

flame simulate tries settings on the last hour before they are changed.
`;

export const addTune = (pools: Command): void => {
  pools
    .command('tune <pool> [setting=value...]')
    .description('show and change the settings of a running pool')
    .option('--exactly <runners>', 'hold so many runners for a while, whatever the policy wants')
    .option('--for <duration>', 'how long --exactly holds', '1h')
    .option('--reset', 'bring the config back in force')
    .option('--json', 'print it as JSON')
    .addHelpText('after', HELP)
    .action((pool: string, pairs: string[], _options: object, command: Command) =>
      withTuner(command, (operations) => tunePool(operations, pool, pairs, optionsOf<Options>(command))),
    );
};

const tunePool = async (
  operations: Operations,
  pool: string,
  pairs: readonly string[],
  options: Options,
): Promise<void> => {
  const view = await operations.tuning(pool);
  const change = { ...(options.reset === true ? taken(view) : {}), ...changeOf(pairs), ...overrideOf(options) };
  const now = Object.keys(change).length === 0 ? view : await operations.act.tune(pool, change, whoami());
  if (options.json === true) sayJson(now);
  else sayTuning(now);
};

const taken = ({ live }: TuningView): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.keys(live).map((name) => [name, null]));

const overrideOf = ({ exactly, for: time }: Options): Readonly<Record<string, unknown>> =>
  exactly === undefined ? {} : { override: { desired: Number(exactly), forMs: parseDuration(time as '1h', '--for') } };

const DURATIONS: readonly string[] = ['idleShutdownAfter', 'scaleDownWindow'];

/** `name=value` pairs as a change; what is wrong with a value is said by whoever knows the setting. */
export const changeOf = (pairs: readonly string[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    pairs.map((pair) => {
      const [, name = '', text = ''] = /^([A-Za-z]+)=(.*)$/s.exec(pair) ?? refuse(pair);
      const isDuration = DURATIONS.includes(name);
      if (text === 'config') return [isDuration ? `${name}Ms` : name, null];
      if (isDuration) return [`${name}Ms`, parseDuration(text as '1h', name)];
      if (name === 'policy' && /^\w+$/.test(text)) return [name, { name: text }];
      return [name, text];
    }),
  );

const refuse = (pair: string): never => {
  const message = `expected setting=value, got ${JSON.stringify(pair)}`;
  throw new FlameConfigError(message, { problems: [{ path: pair, message }] });
};

const sayTuning = ({ pool, configured, effective, problems, by, at }: TuningView): void => {
  const row = (name: string, key: keyof TunedSettings, show: (value: never) => string = String): [string, string] => {
    const [is, was] = [show(effective[key] as never), show(configured[key] as never)];
    return [name, is === was ? is : `${is === '' ? 'nothing' : is} (config: ${was === '' ? 'nothing' : was})`];
  };
  const { override } = effective;
  sayFacts([
    ['pool', pool],
    row('min', 'min'),
    row('max', 'max'),
    row('buffer', 'buffer'),
    row('idleShutdownAfter', 'idleShutdownAfterMs', duration),
    row('scaleDownWindow', 'scaleDownWindowMs', duration),
    row('policy', 'policy'),
    row('paused', 'paused'),
    ['exactly', override === null ? '' : `${plural(override.desired, 'runner')} until ${moment(override.until)}`],
    ['changed', at === 0 ? '' : `by ${by}, ${moment(at)}`],
  ]);
  for (const problem of problems) say(`refused: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
};
