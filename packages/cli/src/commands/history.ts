/** `flame history`: numbers of the past month, events and changes, as NDJSON for whatever reads them next. */

import { parseDuration } from '@flamejs/queue';
import { Command, InvalidArgumentError } from 'commander';
import { say } from '../output/print.ts';
import { optionsOf, withOperations } from '../with-operations.ts';

const KINDS = ['numbers', 'events', 'audit'] as const;
type Kind = (typeof KINDS)[number];

/** All that is kept of events and changes. */
const ALL = 20_000;

export const historyCommand = (): Command =>
  new Command('history')
    .argument('[pool...]', 'these pools only')
    .option('--of <kind>', `what: ${KINDS.join(', ')}`, kind, 'numbers')
    .option(
      '--since <duration>',
      'how far back: 1h in seconds, 1d in minutes, up to 31d in quarters of an hour',
      span,
      '1h',
    )
    .action((names: string[], _options: object, command: Command) =>
      withOperations(command, async (operations) => {
        const { of, since } = optionsOf<{ of: Kind; since: string }>(command);
        const pools = names.length > 0 ? names : await operations.poolNames();
        const now = (await operations.system()).now;
        const from = now - parseDuration(since as never, 'since');
        for (const pool of pools) {
          if (of === 'numbers') {
            const { points, ...about } = await operations.range(pool, from, now);
            for (const point of points) say(JSON.stringify({ pool, resolution: about.resolution, ...point }));
          } else {
            const entries = of === 'events' ? await operations.events(pool, ALL) : await operations.audit(pool, ALL);
            for (const entry of [...entries].reverse()) if (entry.at >= from) say(JSON.stringify(entry));
          }
        }
      }),
    );

function kind(text: string): Kind {
  const found = KINDS.find((each) => each === text);
  if (found === undefined) throw new InvalidArgumentError(`It is one of ${KINDS.join(', ')}.`);
  return found;
}

function span(text: string): string {
  try {
    parseDuration(text as never, 'since');
    return text;
  } catch {
    throw new InvalidArgumentError('It is a duration such as 30m, 6h or 7d.');
  }
}
