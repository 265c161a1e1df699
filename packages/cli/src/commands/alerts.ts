/** `flame alerts`: what is wrong now, and whether those who should hear of it would. */
import type { OpenAlert } from '@flamejs/dashboard/operations';
import { Command } from 'commander';
import { say, sayJson, sayTable } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { moment } from '../output/words.ts';
import { whoami } from '../whoami.ts';
import { optionsOf, withOperations } from '../with-operations.ts';

export const alertsCommand = (): Command => {
  const alerts = new Command('alerts');
  alerts
    .command('ls', { isDefault: true })
    .description('list the alerts that were raised and are not over')
    .option('--json', 'print them as JSON')
    .action((_options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const list = await operations.alerts();
        if (optionsOf<{ json?: boolean }>(command).json === true) sayJson(list);
        else sayTable(COLUMNS, list, 'Nothing is wrong that the autoscaler knows of.');
      }),
    );
  alerts
    .command('test')
    .description('send an alert that means nothing to the function and the webhook of the config')
    .option('--json', 'print how it went as JSON')
    .action((_options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const result = await operations.testAlerts(whoami());
        if (optionsOf<{ json?: boolean }>(command).json === true) sayJson(result);
        else
          for (const [name, went] of Object.entries(result))
            say(`${name}: ${went === undefined ? 'not configured' : went.delivered ? 'delivered' : went.error}`);
        if (Object.values(result).some((went) => went?.delivered === false)) process.exitCode = 1;
      }),
    );
  return alerts;
};

const COLUMNS: readonly Column<OpenAlert>[] = [
  { title: 'POOL', value: (alert) => alert.pool, whole: true },
  { title: 'ALERT', value: (alert) => alert.name, whole: true },
  { title: 'SINCE', value: (alert) => moment(alert.since) },
  { title: 'WHAT', value: (alert) => alert.text },
];
