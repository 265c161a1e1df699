/** `npx flamejs simulate`: what a pool would have done in its last hour under other settings. Changes nothing. */
import type { ReplayTotals } from '@flamejs/queue';
import { Command } from 'commander';
import { sayFacts, sayJson } from '../output/print.ts';
import { duration } from '../output/words.ts';
import { optionsOf, withTuner } from '../with-operations.ts';
import { changeOf, SETTINGS_HELP } from './pools-tune.ts';

export const simulateCommand = (): Command =>
  new Command('simulate')
    .description('show what the last hour of a pool would have been under other settings')
    .argument('<pool>')
    .argument('[setting=value...]')
    .option('--json', 'print it as JSON, with a point for each sample')
    .addHelpText(
      'after',
      `${SETTINGS_HELP}
The calls are those that came then, each served in the mean time that calls took.

  npx flamejs simulate images max=40
  npx flamejs simulate images policy='{"name": "waitTime", "options": {"target": "10s"}}'`,
    )
    .action((pool: string, pairs: string[], _options: object, command: Command) =>
      withTuner(command, async (operations) => {
        const replay = await operations.replay(pool, changeOf(pairs));
        if (optionsOf<{ json?: boolean }>(command).json === true) sayJson(replay);
        else {
          sayFacts([
            ['was', inWords(replay.had)],
            ['would have been', inWords(replay.would)],
          ]);
        }
      }),
    );

const inWords = ({ runnerMs, most, launches, shortMs }: ReplayTotals): string =>
  [
    `${duration(runnerMs)} of runners`,
    `${most} at most`,
    `${launches} ${launches === 1 ? 'launch' : 'launches'}`,
    `calls waited for slots ${duration(shortMs)}`,
  ].join(', ');
