/** `flame limits`: the limits of pools, their keys, and their numbers. */
import type { LimitKeyView, LimitView } from '@flamejs/dashboard/operations';
import { FlameConfigError } from '@flamejs/queue/errors';
import { Command } from 'commander';
import { say, sayJson, sayTable } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { whoami } from '../whoami.ts';
import { optionsOf, withOperations } from '../with-operations.ts';
import { listCommand } from './list-command.ts';

interface Options {
  readonly json?: boolean;
  readonly key?: string;
}

type OfPool<T> = T & { readonly pool: string };

export const limitsCommand = (): Command => {
  const limits = new Command('limits');
  listCommand(limits)
    .description('list the limits of the pools, and who has set them')
    .option('--json', 'print them as JSON')
    .action((_options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const list: OfPool<LimitView>[] = [];
        for (const pool of await operations.poolNames())
          for (const limit of await operations.limits(pool)) list.push({ pool, ...limit });
        if (optionsOf<Options>(command).json === true) sayJson(list);
        else sayTable(LIMITS, list, 'No call has been made under a limit.');
      }),
    );
  limits
    .command('keys <pool>')
    .description('list the keys of limits that have most calls')
    .option('--json', 'print them as JSON')
    .action((pool: string, _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const list = await operations.limitKeys(await operations.checkPool(pool));
        if (optionsOf<Options>(command).json === true) sayJson(list);
        else sayTable(KEYS, list, 'No call is under a limit now.');
      }),
    );
  limits
    .command('set <pool> <limit> <concurrency>')
    .description('set how many calls of a limit, or of one key, may run; 0 holds them, "config" takes it back')
    .option('--key <key>', 'for this key alone')
    .action((pool: string, limit: string, text: string, _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const { key } = optionsOf<Options>(command);
        const concurrency = text === 'config' ? null : numberIn(text);
        await operations.checkPool(pool);
        await operations.act.limit(pool, { limit, key, concurrency }, whoami());
        const whose = key === undefined ? '' : ` of key ${key}`;
        say(
          concurrency === null
            ? `limit ${limit}${whose} is that of the config again`
            : `limit ${limit}${whose} is ${concurrency} now`,
        );
      }),
    );
  return limits;
};

const numberIn = (text: string): number => {
  if (/^\d+$/.test(text)) return Number(text);
  const message = `expected a whole number or "config", got ${JSON.stringify(text)}`;
  throw new FlameConfigError(message, { problems: [{ path: 'concurrency', message }] });
};

const LIMITS: readonly Column<OfPool<LimitView>>[] = [
  { title: 'POOL', value: (l) => l.pool, whole: true },
  { title: 'LIMIT', value: (l) => l.limit, whole: true },
  { title: 'RUN', value: (l) => String(l.set ?? l.concurrency ?? ''), align: 'right' },
  { title: 'RATE', value: (l) => l.rate ?? '' },
  { title: 'SET BY', value: (l) => l.setBy ?? `release ${l.release}` },
];

const KEYS: readonly Column<LimitKeyView>[] = [
  { title: 'LIMIT', value: (k) => k.limit, whole: true },
  { title: 'KEY', value: (k) => k.key ?? '' },
  { title: 'RUNNING', value: (k) => k.running, align: 'right' },
  { title: 'HELD', value: (k) => k.held, align: 'right' },
];
