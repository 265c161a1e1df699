/** `flame runners`: who executes calls. */
import type { RunnerView } from '@flamejs/dashboard/operations';
import { Command } from 'commander';
import { sayJson, sayTable } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { age } from '../output/words.ts';
import { optionsOf, withOperations } from '../with-operations.ts';
import { listCommand } from './list-command.ts';
import { addOrders } from './runners-act.ts';

export const runnersCommand = (): Command => {
  const runners = new Command('runners');
  listCommand(runners)
    .description('list the runners of all pools, or of one')
    .option('-p, --pool <name>', 'of this pool only')
    .option('--json', 'print them as JSON')
    .action((_options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const { pool, json } = optionsOf<{ pool?: string; json?: boolean }>(command);
        const list = await operations.runners(pool);
        if (json === true) return sayJson(list);
        const { now } = await operations.system();
        sayTable(columns(now), list, 'No runner. The autoscaler launches one when a call waits.');
      }),
    );
  addOrders(runners);
  return runners;
};

const stateOf = ({ state, active, protectedUntil }: RunnerView): string => {
  const word = state === 'ready' && active > 0 ? 'busy' : state;
  return protectedUntil > 0 ? `${word}, kept` : word;
};

const columns = (now: number): readonly Column<RunnerView>[] => [
  { title: 'RUNNER', value: (r) => r.runnerId, whole: true },
  { title: 'STATE', value: stateOf, whole: true },
  { title: 'CALLS', value: (r) => `${r.active}/${r.slots}`, align: 'right' },
  { title: 'SERVED', value: (r) => r.served, align: 'right' },
  { title: 'UP', value: (r) => age(r.startedAt, now), align: 'right' },
  { title: 'HEARD', value: (r) => age(r.heartbeatAt, now), align: 'right' },
  { title: 'WHERE', value: (r) => (r.host === '' ? r.instanceId : `${r.host} ${r.pid > 0 ? r.pid : r.instanceId}`) },
];
