/** `flame pools`: their numbers, whether they take calls, and how they scale. */
import type { PoolView } from '@flamejs/dashboard/operations';
import { Command } from 'commander';
import { say, sayJson, sayTable } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { whoami } from '../whoami.ts';
import { optionsOf, withOperations } from '../with-operations.ts';
import { listCommand } from './list-command.ts';
import { addTune } from './pools-tune.ts';

export const poolsCommand = (): Command => {
  const pools = new Command('pools');
  listCommand(pools)
    .description('list the pools with their calls and runners')
    .option('--json', 'print them as JSON')
    .action((_options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const list = await operations.pools();
        if (optionsOf<{ json?: boolean }>(command).json === true) sayJson(list);
        else sayTable(COLUMNS, list, 'The config has no pools.');
      }),
    );
  for (const [name, done, description] of [
    ['pause', 'is paused: calls that run go on, no other starts', 'let no further call of a pool start'],
    ['resume', 'takes calls again', 'let calls of a paused pool start again'],
  ] as const) {
    pools
      .command(`${name} <pool...>`)
      .description(description)
      .option('--json', 'print the names as JSON')
      .action((names: string[], _options: object, command: Command) =>
        withOperations(command, async (operations) => {
          // All names are checked before anything is done.
          for (const pool of names) await operations.checkPool(pool);
          for (const pool of names) await operations.act[name](pool, whoami());
          if (optionsOf<{ json?: boolean }>(command).json === true) sayJson({ [`${name}d`]: names });
          else for (const pool of names) say(`pool ${pool} ${done}`);
        }),
      );
  }
  addTune(pools);
  return pools;
};

const COLUMNS: readonly Column<PoolView>[] = [
  { title: 'POOL', value: (p) => p.name, whole: true },
  { title: 'WAITING', value: (p) => p.waiting, align: 'right' },
  { title: 'RUNNING', value: (p) => p.active, align: 'right' },
  { title: 'LATER', value: (p) => p.delayed, align: 'right' },
  { title: 'FAILED', value: (p) => p.failed, align: 'right' },
  { title: 'RUNNERS', value: (p) => `${p.runners.ready}/${p.max}`, align: 'right' },
  { title: 'STATE', value: (p) => (p.paused ? 'paused' : p.health === 'idle' ? 'idle' : p.summary), words: true },
];
