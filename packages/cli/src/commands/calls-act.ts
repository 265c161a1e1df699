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

interface CancelOptions {
  readonly waiting?: boolean;
  readonly pool?: string;
  readonly function?: string;
  readonly reason: string;
  readonly json?: boolean;
}

/** Calls that are read and cancelled at a time. */
const PAGE = 100;

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
    .command('cancel [call...]')
    .description('stop calls for good, wherever they are')
    .option('--waiting', 'all calls of a pool that have not started, delayed ones too, in the place of single ones')
    .option('-p, --pool <name>', 'with --waiting: of this pool')
    .option('-f, --function <name>', 'with --waiting: of this function alone')
    .option('--reason <text>', 'what their callers are told', 'with the flame command')
    .option('--json', 'print what became of them as JSON')
    .action((ids: string[], _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const options = optionsOf<CancelOptions>(command);
        const { reason } = options;
        if (options.waiting === true) return cancelWaiting(operations, ids, options);
        if (ids.length === 0) throw misuse('name the calls to cancel, or use --waiting with --pool');
        await each(
          operations,
          ids,
          options.json === true,
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

/** The list is read again from its start, for what was cancelled has left it. One that has begun meanwhile is told to stop. */
const cancelWaiting = async (operations: Operations, ids: readonly string[], options: CancelOptions): Promise<void> => {
  if (ids.length > 0) throw misuse('name calls or use --waiting, not both');
  if (options.pool === undefined) throw misuse('--waiting needs --pool: every waiting call of the app is seldom meant');
  const pool = await operations.checkPool(options.pool);
  let cancelled = 0;
  for (const state of ['waiting', 'delayed'] as const) {
    const query = {
      pool,
      state,
      limit: PAGE,
      ...(options.function === undefined ? {} : { functionName: options.function }),
    };
    for (let cursor: string | undefined; ; ) {
      const { calls, next } = await operations.calls(cursor === undefined ? query : { ...query, cursor });
      const became = await Promise.all(calls.map(({ id }) => operations.act.cancel(pool, id, options.reason)));
      const gone = became.filter((result) => result === 'cancelled').length;
      cancelled += gone;
      if (gone === 0 && next === null) break;
      // What could not be cancelled is passed over.
      cursor = gone === 0 ? (next ?? undefined) : undefined;
    }
  }
  if (options.json === true) return sayJson({ cancelled });
  say(`pool ${pool}: ${plural(cancelled, 'waiting call')} cancelled`);
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
