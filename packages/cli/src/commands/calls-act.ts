/** `npx flamejs calls retry` and `npx flamejs calls cancel`. */
import type { Operations } from '@flamejs/dashboard/operations';
import { FlameConfigError } from '@flamejs/queue/errors';
import type { Command } from 'commander';
import { say, sayJson } from '../output/print.ts';
import { plural } from '../output/words.ts';
import { whoami } from '../whoami.ts';
import { optionsOf, withOperations } from '../with-operations.ts';

interface RetryOptions {
  readonly failed?: boolean;
  readonly pool?: string;
  readonly function?: string;
  readonly json?: boolean;
}

const RETRIED = {
  retried: 'runs again, with fresh attempts',
  'not-failed': 'has not failed: nothing was done',
  unknown: 'is not known (any more)',
} as const;

const CANCELLED = {
  cancelled: 'is cancelled: it had not started and never will',
  stopping: 'runs; it has been told to stop',
  finished: 'had finished already',
  unknown: 'is not known (any more)',
} as const;

export const addRetry = (calls: Command): void => {
  calls
    .command('retry [call...]')
    .description('run failed calls again, with their arguments and fresh attempts')
    .option('--failed', 'all failed calls of a pool or function, in the place of single ones')
    .option('-p, --pool <name>', 'with --failed: of this pool')
    .option('-f, --function <name>', 'with --failed: of this function')
    .option('--json', 'print what became of them as JSON')
    .action((ids: string[], _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const options = optionsOf<RetryOptions>(command);
        if (options.failed === true) return retryFailed(operations, ids, options);
        if (ids.length === 0) throw misuse('name the calls to retry, or use --failed with --pool or --function');
        await each(
          operations,
          ids,
          options.json === true,
          RETRIED,
          (pool, id) => operations.act.retry(pool, id, whoami()),
          'retried',
        );
      }),
    );
};

export const addCancel = (calls: Command): void => {
  calls
    .command('cancel <call...>')
    .description('stop calls for good, wherever they are')
    .option('--reason <text>', 'what their callers are told', 'with the flame command')
    .option('--json', 'print what became of them as JSON')
    .action((ids: string[], _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const { reason, json } = optionsOf<{ reason: string; json?: boolean }>(command);
        await each(
          operations,
          ids,
          json === true,
          CANCELLED,
          (pool, id) => operations.act.cancel(pool, id, reason, whoami()),
          'cancelled',
          'stopping',
        );
      }),
    );
};

const retryFailed = async (operations: Operations, ids: readonly string[], options: RetryOptions): Promise<void> => {
  if (ids.length > 0) throw misuse('name calls or use --failed, not both');
  if (options.pool === undefined && options.function === undefined) {
    throw misuse('--failed needs --pool or --function: every failed call of the app at once is seldom meant');
  }
  const pools = options.pool === undefined ? await operations.poolNames() : [await operations.checkPool(options.pool)];
  const retried: Record<string, number> = {};
  for (const pool of pools) retried[pool] = await operations.act.retryFailed(pool, options.function, whoami());
  if (options.json === true) return sayJson({ retried });
  for (const [pool, count] of Object.entries(retried))
    say(`pool ${pool}: ${plural(count, 'failed call')} will run again`);
};

/** Does it to each; exit code 1 when one of them did not become what was wanted. */
const each = async <Result extends string>(
  operations: Operations,
  ids: readonly string[],
  json: boolean,
  words: Readonly<Record<Result, string>>,
  act: (pool: string, id: string) => Promise<Result>,
  ...wanted: readonly Result[]
): Promise<void> => {
  // All ids are checked before anything is done.
  const pools = await Promise.all(ids.map((id) => operations.poolOf(id)));
  const results: Record<string, Result> = {};
  for (const [i, id] of ids.entries()) results[id] = await act(pools[i] ?? '', id);
  if (json) sayJson(results);
  else for (const [id, result] of Object.entries<Result>(results)) say(`${id}  ${words[result]}`);
  if (Object.values<Result>(results).some((result) => !wanted.includes(result))) process.exitCode = 1;
};

const misuse = (message: string): FlameConfigError =>
  new FlameConfigError(message, {
    problems: [{ path: 'calls', message }],
    advice: '`npx flamejs calls --help` shows how.',
  });
