/** `npx flamejs status`: the whole app in a few sentences. Exit code 1 when calls wait that nothing will start. */
import type { PoolView, SystemView } from '@flamejs/dashboard/operations';
import { Command } from 'commander';
import { oneLine } from '../output/plain-text.ts';
import { say, sayJson } from '../output/print.ts';
import { paint } from '../output/style.ts';
import { duration } from '../output/words.ts';
import { optionsOf, withOperations } from '../with-operations.ts';

const SILENT_MS = 60_000;
const COLOURS = { idle: 'green', busy: 'cyan', attention: 'yellow', bad: 'red' } as const;

export const statusCommand = (): Command =>
  new Command('status').option('--json', 'print it as JSON').action((_options: object, command: Command) =>
    withOperations(command, async (operations) => {
      const [system, pools] = await Promise.all([operations.system(), operations.pools()]);
      if (optionsOf<{ json?: boolean }>(command).json === true) sayJson({ system, pools });
      else print(system, pools);
      if (pools.some((pool) => pool.health === 'bad')) process.exitCode = 1;
    }),
  );

const print = (system: SystemView, pools: readonly PoolView[]): void => {
  const { autoscalerSilentMs: silent } = system;
  say(`${paint('bold', system.app)}  release ${system.release}, Redis ${system.redisVersion || 'of unknown version'}`);
  if (silent === null) say('No autoscaler has ever run for this app: pools keep the runners that are started by hand.');
  else if (silent > SILENT_MS) say(`The autoscaler has been silent for ${duration(silent)}: no pool grows or shrinks.`);
  else say(`The autoscaler was heard of ${duration(silent)} ago.`);
  for (const warning of system.warnings) say(`${paint('yellow', 'warning')}  ${oneLine(warning)}`);
  say();
  const width = Math.max(...pools.map((pool) => pool.name.length));
  for (const pool of pools) {
    say(`${paint(COLOURS[pool.health], pool.name.padEnd(width))}  ${oneLine(pool.summary)}`);
    const more = [
      pool.oldestWaitMs > 0 ? `the next call has waited ${duration(pool.oldestWaitMs)}` : '',
      pool.failed > 0 ? `${pool.failed} failed (npx flamejs calls ls --state failed --pool ${pool.name})` : '',
    ].filter((part) => part !== '');
    if (more.length > 0) say(`${' '.repeat(width)}  ${paint('dim', more.join('; '))}`);
  }
};
