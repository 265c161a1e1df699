/** `npx flamejs runners drain`, `terminate`, `protect` and `unprotect`: orders for single runners, for the record with who and why. */
import type { Operations, RunnerView, Why } from '@flamejs/dashboard/operations';
import type { OrderResult } from '@flamejs/protocol';
import { parseDuration } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';
import type { Command } from 'commander';
import { say, sayJson } from '../output/print.ts';
import { duration } from '../output/words.ts';
import { whoami } from '../whoami.ts';
import { optionsOf, withOperations } from '../with-operations.ts';

interface Options {
  readonly reason?: string;
  readonly within?: string;
  readonly for?: string;
  readonly json?: boolean;
}

interface Verb {
  readonly name: string;
  readonly description: string;
  /** Options of its own. */
  readonly more?: (command: Command) => Command;
  act(operations: Operations, runner: RunnerView, options: Options, why: Why): Promise<OrderResult>;
  /** What an order comes to. */
  done(runner: RunnerView, options: Options): string;
}

const VERBS: readonly Verb[] = [
  {
    name: 'drain',
    description: 'let runners finish their calls, take no more, and end',
    more: (command) =>
      command.option('--within <duration>', 'end it with what it still has after this long, such as 5m'),
    act: ({ act }, { pool, runnerId }, { within }, why) =>
      act.drain(pool, runnerId, within === undefined ? why : { ...why, withinMs: read(within, '--within') }),
    done: () => 'drains: it takes no more calls and ends after those that it has',
  },
  {
    name: 'terminate',
    description: 'end runners at once; what they execute runs again elsewhere, as after any loss',
    act: ({ act }, { pool, runnerId }, _options, why) => act.terminate(pool, runnerId, why),
    done: ({ active }) => `is ended${active === 0 ? '' : `, and with it ${active} running`}`,
  },
  {
    name: 'protect',
    description: 'keep the autoscaler from ending runners for a while: no idleness, no new release, no lower max does',
    more: (command) => command.option('--for <duration>', 'how long', '1h'),
    act: ({ act }, { pool, runnerId }, options, why) =>
      act.protect(pool, runnerId, read(options.for ?? '1h', '--for'), why),
    done: (_runner, options) => `is left alone for ${duration(read(options.for ?? '1h', '--for'))}`,
  },
  {
    name: 'unprotect',
    description: 'take the protection of runners back',
    act: ({ act }, { pool, runnerId }, _options, why) => act.unprotect(pool, runnerId, why),
    done: () => 'is no longer protected',
  },
];

const OTHERWISE: Readonly<Record<Exclude<OrderResult, 'ordered'>, string>> = {
  draining: 'drains already',
  unknown: 'is gone',
  unmanaged: 'was started by hand: the autoscaler neither ends nor keeps it; end its process where it runs',
};

export const addOrders = (runners: Command): void => {
  for (const verb of VERBS) {
    const command = runners
      .command(`${verb.name} <runner...>`)
      .description(verb.description)
      .option('--reason <text>', 'why, for the record')
      .option('--json', 'print what became of them as JSON');
    (verb.more?.(command) ?? command).action((ids: string[], _options: object, used: Command) =>
      withOperations(used, (operations) => orderAll(operations, verb, ids, optionsOf<Options>(used))),
    );
  }
};

/** Does it to each; exit code 1 when one of them could not be ordered. */
const orderAll = async (
  operations: Operations,
  verb: Verb,
  ids: readonly string[],
  options: Options,
): Promise<void> => {
  const found = await find(operations, ids);
  const why: Why = { by: whoami(), ...(options.reason === undefined ? {} : { reason: options.reason }) };
  const results: Record<string, OrderResult> = {};
  for (const runner of found) results[runner.runnerId] = await verb.act(operations, runner, options, why);
  if (options.json === true) sayJson(results);
  else
    for (const runner of found) {
      const result = results[runner.runnerId] ?? 'unknown';
      say(`${runner.runnerId}  ${result === 'ordered' ? verb.done(runner, options) : OTHERWISE[result]}`);
    }
  if (Object.values(results).some((result) => result === 'unmanaged')) process.exitCode = 1;
};

/** @throws FlameConfigError that names those that are not there, before anything is done */
const find = async (operations: Operations, ids: readonly string[]): Promise<readonly RunnerView[]> => {
  const all = await operations.runners();
  const missing = ids.filter((id) => !all.some((runner) => runner.runnerId === id));
  if (missing.length > 0) {
    const message = `there is no runner ${missing.join(', ')}; \`npx flamejs runners ls\` lists them`;
    throw new FlameConfigError(message, { problems: [{ path: 'runner', message }] });
  }
  return all.filter((runner) => ids.includes(runner.runnerId));
};

const read = (text: string, option: string): number => parseDuration(text as '1h', option);
