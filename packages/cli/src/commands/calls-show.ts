/** `flame calls show` and `flame calls logs`. */
import type { CallDetail, Operations, Shown } from '@flamejs/dashboard/operations';
import { FlameRemovedError } from '@flamejs/queue/errors';
import type { Command } from 'commander';
import { oneLine, plainText } from '../output/plain-text.ts';
import { say, sayFacts, sayJson } from '../output/print.ts';
import { paint } from '../output/style.ts';
import { duration, moment } from '../output/words.ts';
import { optionsOf, withOperations } from '../with-operations.ts';
import { whole } from './calls-list.ts';
import { money } from './costs.ts';

/** Encoded bytes that `show` reads of arguments and outcome, unless `--full`. */
const BRIEF_BYTES = 16 * 1024;
const FULL_BYTES = 16 * 1024 * 1024;
const LAST_LINES = 10;

export const addShow = (calls: Command): void => {
  calls
    .command('show <call>')
    .description('say where a call is and why, with its arguments, its result or error, and its last output')
    .option('--full', 'load arguments and results of any size')
    .option('--json', 'print it as JSON')
    .action((id: string, _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const { full, json } = optionsOf<{ full?: boolean; json?: boolean }>(command);
        const call = await existing(operations, id);
        const options = { limit: full === true ? FULL_BYTES : BRIEF_BYTES, stacks: true };
        const [args, outcome, logs] = await Promise.all([
          operations.arguments(id, options),
          operations.outcome(id, options),
          operations.logs(id, LAST_LINES),
        ]);
        if (json === true) return sayJson({ ...call, arguments: args, outcome, logs });
        sayCall(call);
        sayHistory(call);
        saySection('arguments', args);
        if (call.state === 'succeeded' || call.state === 'failed')
          saySection(call.state === 'failed' ? 'error' : 'result', outcome);
        if (logs.total > 0) sayLogs(logs);
      }),
    );
};

export const addLogs = (calls: Command): void => {
  calls
    .command('logs <call>')
    .description('print what a call has printed')
    .option('-n, --lines <number>', 'the last so many lines', whole(1, 1_000), 1_000)
    .option('--json', 'print the lines as JSON')
    .action((id: string, _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const { lines: count, json } = optionsOf<{ lines: number; json?: boolean }>(command);
        await existing(operations, id);
        const { lines } = await operations.logs(id, count);
        if (json === true) return sayJson(lines);
        for (const line of lines) say(plainText(line));
      }),
    );
};

/** @throws FlameRemovedError when nothing is known of the call */
export const existing = async (operations: Operations, id: string): Promise<CallDetail> => {
  const call = await operations.call(id);
  if (call !== undefined) return call;
  throw new FlameRemovedError(`call ${id} is not known (any more): it expired or was removed`, { callId: id });
};

const sayCall = (call: CallDetail): void => {
  say(`${paint('bold', oneLine(call.functionName) || 'call')}  ${call.state}`);
  say(oneLine(call.text));
  say();
  sayFacts([
    ['call', call.id],
    ['runner', call.runnerId],
    [
      'attempts',
      call.retries === null || call.retries === 0 ? call.attempts : `${call.attempts} of ${call.retries + 1}`,
    ],
    ['generation', call.generation > 1 ? `${call.generation} (retried by hand)` : ''],
    ['runners lost', call.runnerLosses > 0 ? call.runnerLosses : ''],
    ['accepted', moment(call.enqueuedAt)],
    ['started', moment(call.startedAt)],
    ['ended', moment(call.finishedAt)],
    ['took', call.finishedAt > 0 && call.startedAt > 0 ? duration(call.finishedAt - call.startedAt) : ''],
    ['machine', call.machineMs > 0 ? `${duration(call.machineMs)}, ${money(call.costDollars)}` : ''],
    ['due', moment(call.dueAt)],
    ['deadline', moment(call.deadlineAt)],
    ['release', call.release],
    ['kept until', moment(call.keptUntil)],
  ]);
};

const sayHistory = ({ history }: CallDetail): void => {
  if (history.length === 0) return;
  say();
  say(paint('bold', 'attempts before'));
  for (const { runnerId, startedAt, endedAt, ended, lines } of history) {
    const when = startedAt > 0 ? `${moment(startedAt)}, ${duration(endedAt - startedAt)}, ` : '';
    say(`  ${when}on ${oneLine(runnerId)}: ${oneLine(ended)}`);
    for (const line of lines) say(`    ${plainText(line)}`);
  }
};

const saySection = (title: string, shown: Shown): void => {
  say();
  say(paint('bold', title));
  for (const line of shownText(shown).split('\n')) say(`  ${line}`);
};

const shownText = (shown: Shown): string => {
  switch (shown.kind) {
    case 'none':
      return 'not kept (any more)';
    case 'value':
      return plainText(JSON.stringify(shown.value, null, 2));
    case 'error': {
      const { name, message, advice, causes, stack } = shown.error;
      const parts = [stack || `${name}: ${message}`, ...causes.map((cause) => `caused by ${cause}`), advice];
      return plainText(parts.filter((part) => part !== '').join('\n'));
    }
    case 'too-large':
      return `${shown.size.toLocaleString('en-US')} bytes, not loaded (--full loads it)`;
    case 'unreadable':
      return `${shown.size.toLocaleString('en-US')} bytes that cannot be shown here: ${oneLine(shown.message)}`;
  }
};

const sayLogs = ({ lines, total }: { lines: readonly string[]; total: number }): void => {
  say();
  say(paint('bold', total > lines.length ? `output, the last ${lines.length} of ${total} lines` : 'output'));
  for (const line of lines) say(`  ${plainText(line)}`);
};
