/** `npx flamejs simulate`: what a pool would do with recorded or example calls under other settings. Changes nothing. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Operations } from '@flamejs/dashboard/operations';
import {
  type Proposal,
  parseDuration,
  type RecordedTotals,
  type SettingsChange,
  type Simulation,
  type SimulationOptions,
  type SimulationTotals,
  type Trace,
  type WaitGoal,
} from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';
import { Command } from 'commander';
import { say, sayFacts, sayJson, sayTable } from '../output/print.ts';
import { duration, plural } from '../output/words.ts';
import { optionsOf, withTuner } from '../with-operations.ts';
import { changeOf, SETTINGS_HELP } from './pools-tune.ts';

interface Options {
  readonly trace?: string;
  readonly also: readonly string[];
  readonly target?: string;
  readonly price?: string;
  readonly svg?: string;
  readonly json?: boolean;
}

const HELP = `${SETTINGS_HELP}
The real controller runs on a virtual clock, and simulated runners serve the calls. Each column is one set of settings.

  npx flamejs simulate images max=40
  npx flamejs simulate images max=40 --also 'max=40 min=2' --price 0.17
  npx flamejs simulate images policy='{"name": "waitTime", "options": {"target": "10s"}}' --trace bursts
  npx flamejs simulate images --target 'p95<10s'       the cheapest settings that hold it
  npx flamejs calls export images --trace > calls.ndjson; npx flamejs simulate images --trace calls.ndjson
`;

export const simulateCommand = (): Command =>
  new Command('simulate')
    .argument('<pool>')
    .argument('[setting=value...]')
    .option('--trace <file>', 'calls to serve: a file of calls export --trace, or steady, bursts, day, mixed')
    .option(
      '--also <settings>',
      'one more column, settings between blanks; may be repeated',
      (text, all) => [...all, text],
      [] as string[],
    )
    .option('--target <goal>', 'search the cheapest settings for a goal such as p95<10s')
    .option('--price <number>', 'what a machine costs an hour')
    .option('--svg <file>', 'draw runners and waiting calls')
    .option('--json', 'print it as JSON, with points over time')
    .addHelpText('after', HELP)
    .action((pool: string, pairs: string[], _options: object, command: Command) =>
      withTuner(command, async (operations) => {
        const options = optionsOf<Options>(command);
        const trace = options.trace === undefined ? undefined : await readTrace(options.trace);
        const simulation = { ...(options.price === undefined ? {} : { pricePerHour: priceOf(options.price) }) };
        if (options.target !== undefined)
          return sayProposal(await operations.search(pool, goalOf(options.target), trace, simulation), options);
        await compare(operations, { pool, pairs, trace, simulation, options });
      }),
    );

interface Comparison {
  readonly pool: string;
  readonly pairs: readonly string[];
  readonly trace: Trace | undefined;
  readonly simulation: SimulationOptions;
  readonly options: Options;
}

const compare = async (
  operations: Operations,
  { pool, pairs, trace, simulation, options }: Comparison,
): Promise<void> => {
  const sets = [...(pairs.length === 0 ? [] : [pairs]), ...options.also.map((text) => text.trim().split(/\s+/))];
  const runs: Record<string, Simulation> = {
    'as it is': await operations.simulate(pool, {}, trace, simulation),
  };
  for (const set of sets) runs[set.join(' ')] = await operations.simulate(pool, changeOf(set), trace, simulation);
  const was = trace === undefined ? await operations.recorded(pool) : undefined;
  if (options.svg !== undefined) {
    const { plot } = await import('@flamejs/autoscaler/tuning');
    await writeFile(options.svg, plot(runs));
  }
  if (options.json === true) sayJson({ ...(was === undefined ? {} : { was }), runs });
  else sayComparison(was, runs);
};

const TOTALS: readonly (readonly [label: string, of: (totals: SimulationTotals) => string])[] = [
  ['runner time', ({ runnerMs }) => duration(runnerMs)],
  ['cost', ({ cost }) => (cost === null ? '' : cost.toFixed(2))],
  ['most runners', ({ most }) => String(most)],
  ['launches', ({ launches }) => String(launches)],
  ['idle runner time', ({ idleMs }) => duration(idleMs)],
  ['runners too many, at most', ({ overshoot }) => String(overshoot)],
  ['wait p50', ({ waitMs }) => duration(waitMs.p50)],
  ['wait p95', ({ waitMs }) => duration(waitMs.p95)],
  ['wait p99', ({ waitMs }) => duration(waitMs.p99)],
  ['longest wait', ({ waitMs }) => duration(waitMs.longest)],
  ['calls waited for slots', ({ shortMs }) => duration(shortMs)],
  ['calls', ({ served }) => String(served)],
  ['never served', ({ unserved }) => (unserved === 0 ? '' : String(unserved))],
];

/** What samples know of the past. */
const RECORDED: Readonly<Record<string, (was: RecordedTotals) => string>> = {
  'runner time': ({ runnerMs }) => duration(runnerMs),
  'most runners': ({ most }) => String(most),
  launches: ({ launches }) => String(launches),
  'calls waited for slots': ({ shortMs }) => duration(shortMs),
};

const sayComparison = (was: RecordedTotals | undefined, runs: Readonly<Record<string, Simulation>>): void => {
  const all = Object.entries(runs);
  const rows = TOTALS.filter(([, of]) => all.some(([, { totals }]) => of(totals) !== ''));
  type Row = (typeof rows)[number];
  sayTable<Row>(
    [
      { title: '', value: ([label]) => label, whole: true },
      ...(was === undefined ? [] : [{ title: 'was', value: ([label]: Row) => RECORDED[label]?.(was) ?? '' }]),
      ...all.map(([title, { totals }]) => ({ title, value: ([, of]: Row) => of(totals) })),
    ],
    rows,
    '',
  );
  const first = all[0]?.[1];
  if (first === undefined) return;
  say();
  say(`No settings serve these calls with less than ${duration(first.lowerBoundMs)} of runner time.`);
  for (const note of first.notes) say(`- ${note}`);
};

const sayProposal = (proposal: Proposal, options: Options): void => {
  if (options.json === true) {
    sayJson(proposal);
    return;
  }
  const { change, chosenBy, judgedBy, now, holds, tried, notes } = proposal;
  const words = wordsOf(change);
  sayFacts([
    ['proposal', words === '' ? 'as it is' : words],
    ['goal', holds ? 'held on calls that the search had not seen' : 'NOT held on calls that the search had not seen'],
    ['tried', `${tried} sets of settings`],
  ]);
  say();
  const columns = { 'chosen by': chosenBy, 'judged by': judgedBy, 'as it is': now };
  sayTable(
    [
      { title: '', value: ([label]) => label, whole: true },
      ...Object.entries(columns).map(([title, totals]) => ({
        title,
        value: ([, of]: (typeof TOTALS)[number]) => of(totals),
      })),
    ],
    TOTALS.filter(([, of]) => Object.values(columns).some((totals) => of(totals) !== '')),
    '',
  );
  say();
  for (const note of notes) say(`- ${note}`);
  if (!holds) process.exitCode = 1;
};

/** As `npx flamejs pools tune` takes it. */
const wordsOf = (change: SettingsChange): string =>
  Object.entries(change)
    .map(([name, value]) =>
      name.endsWith('Ms')
        ? `${name.slice(0, -2)}=${value}ms`
        : `${name}=${typeof value === 'object' ? `'${JSON.stringify(value)}'` : value}`,
    )
    .join(' ');

const readTrace = async (name: string): Promise<Trace> => {
  const { tuner } = await import('@flamejs/autoscaler/tuning');
  if (tuner.traces.examples.includes(name)) return tuner.traces.example(name);
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch (cause) {
    const message = `--trace: ${name} is neither a file that can be read nor one of ${tuner.traces.examples.join(', ')}`;
    throw new FlameConfigError(message, { problems: [{ path: '--trace', message }], cause });
  }
  return tuner.traces.parse(text);
};

const goalOf = (text: string): WaitGoal => {
  const [, percentile, limit] = /^(p50|p95|p99)\s*<\s*(.+)$/.exec(text.trim()) ?? refuse('--target', 'p95<10s', text);
  return {
    percentile: percentile as WaitGoal['percentile'],
    underMs: parseDuration(limit as '10s', '--target'),
  };
};

const priceOf = (text: string): number => {
  const price = Number(text);
  return Number.isFinite(price) && price >= 0 && text.trim() !== ''
    ? price
    : refuse('--price', 'a number from 0', text);
};

const refuse = (path: string, expected: string, got: string): never => {
  const message = `${path}: expected ${expected}, got ${JSON.stringify(got)}`;
  throw new FlameConfigError(message, { problems: [{ path, message }] });
};
