/** `flame runners`: who executes calls, and letting one end in good order. */
import type { Operations, RunnerView } from '@flamejs/dashboard/operations';
import { FlameConfigError } from '@flamejs/queue/errors';
import { Command } from 'commander';
import { say, sayJson, sayTable } from '../output/print.ts';
import type { Column } from '../output/table.ts';
import { age } from '../output/words.ts';
import { optionsOf, withOperations } from '../with-operations.ts';

export const runnersCommand = (): Command => {
  const runners = new Command('runners').description('look at runners, and let one end');
  runners
    .command('ls', { isDefault: true })
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
  runners
    .command('drain <runner...>')
    .description('let runners finish their calls, take no more, and end')
    .option('--json', 'print what became of them as JSON')
    .action((ids: string[], _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const found = await find(operations, ids);
        const results: Record<string, string> = {};
        for (const { pool, runnerId } of found) results[runnerId] = await operations.act.drain(pool, runnerId);
        if (optionsOf<{ json?: boolean }>(command).json === true) return sayJson(results);
        for (const [id, result] of Object.entries(results)) say(`${id}  ${WORDS[result] ?? result}`);
      }),
    );
  return runners;
};

const WORDS: Readonly<Record<string, string>> = {
  ordered: 'drains: it takes no more calls and ends after those that it has',
  draining: 'drains already',
  unknown: 'is gone',
};

/** @throws FlameConfigError that names those that are not there, before anything is done */
const find = async (operations: Operations, ids: readonly string[]): Promise<readonly RunnerView[]> => {
  const all = await operations.runners();
  const missing = ids.filter((id) => !all.some((runner) => runner.runnerId === id));
  if (missing.length > 0) {
    const message = `there is no runner ${missing.join(', ')}; \`flame runners ls\` lists them`;
    throw new FlameConfigError(message, { problems: [{ path: 'runner', message }] });
  }
  return all.filter((runner) => ids.includes(runner.runnerId));
};

const columns = (now: number): readonly Column<RunnerView>[] => [
  { title: 'RUNNER', value: (r) => r.runnerId, whole: true },
  { title: 'STATE', value: (r) => (r.state === 'ready' && r.active > 0 ? 'busy' : r.state) },
  { title: 'CALLS', value: (r) => `${r.active}/${r.slots}`, align: 'right' },
  { title: 'SERVED', value: (r) => r.served, align: 'right' },
  { title: 'UP', value: (r) => age(r.startedAt, now), align: 'right' },
  { title: 'HEARD', value: (r) => age(r.heartbeatAt, now), align: 'right' },
  { title: 'WHERE', value: (r) => (r.host === '' ? r.instanceId : `${r.host} ${r.pid > 0 ? r.pid : r.instanceId}`) },
];
