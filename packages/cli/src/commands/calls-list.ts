/** `flame calls ls`. */
import type { CallListState, CallRow } from '@flamejs/dashboard/operations';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { say, sayJson, sayTable } from '../output/print.ts';
import { paint } from '../output/style.ts';
import type { Column } from '../output/table.ts';
import { age } from '../output/words.ts';
import { optionsOf, withOperations } from '../with-operations.ts';
import { listCommand } from './list-command.ts';

interface ListOptions {
  readonly pool?: string;
  readonly state?: CallListState;
  readonly function?: string;
  readonly limit: number;
  readonly cursor?: string;
  readonly json?: boolean;
}

const MOST = 1_000;
/** Written out, so that `flame --help` need not load what reads them. */
const STATES: readonly CallListState[] = ['running', 'waiting', 'delayed', 'failed', 'succeeded'];

export const addList = (calls: Command): void => {
  listCommand(calls)
    .description('list calls, the newest first')
    .option('-p, --pool <name>', 'of this pool only')
    .addOption(new Option('-s, --state <state>', 'in this state only').choices(STATES))
    .option('-f, --function <name>', 'of this function only (looks at 2,000 calls for a page)')
    .option('-n, --limit <number>', 'how many', whole(1, MOST), 20)
    .option('--cursor <text>', 'go on where an earlier page ended, which printed it')
    .option('--json', 'print them as JSON')
    .action((_options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const options = optionsOf<ListOptions>(command);
        const page = await operations.calls({
          ...(options.pool === undefined ? {} : { pool: options.pool }),
          ...(options.state === undefined ? {} : { state: options.state }),
          ...(options.function === undefined ? {} : { functionName: options.function }),
          limit: options.limit,
          ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
        });
        if (options.json === true) return sayJson(page);
        const { now } = await operations.system();
        sayTable(columns(now), page.calls, 'No such calls.');
        if (page.next !== null) say(paint('dim', `more: --cursor ${page.next}`));
      }),
    );
};

/** @throws InvalidArgumentError, which commander shows with the option's name */
export const whole =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`a whole number from ${low} to ${high} is needed.`);
  };

const columns = (now: number): readonly Column<CallRow>[] => [
  { title: 'CALL', value: (c) => c.id, whole: true },
  { title: 'FUNCTION', value: (c) => c.functionName },
  { title: 'STATE', value: (c) => c.state, whole: true },
  { title: 'AGE', value: (c) => age(c.finishedAt || c.startedAt || c.enqueuedAt, now), align: 'right', whole: true },
  { title: 'MESSAGE', value: (c) => c.text, words: true },
];
