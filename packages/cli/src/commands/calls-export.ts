/** `flamejs calls export`: the finished calls of a pool as a trace for the simulator. */
import type { Command } from 'commander';
import { say } from '../output/print.ts';
import { withOperations } from '../with-operations.ts';

export const addExport = (calls: Command): void => {
  calls
    .command('export <pool>')
    .description('print the calls that have ended and are still known, a line of JSON each')
    .requiredOption('--trace', 'when each came and how long it ran: what simulate --trace serves')
    .action((pool: string, _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        for await (const call of operations.trace(pool)) say(JSON.stringify(call));
      }),
    );
};
