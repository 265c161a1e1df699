/** `ls` of a group, which is also what the group does when it is given nothing. */
import { didYouMean } from '@flamejs/protocol/suggest';
import type { Command } from 'commander';

/** `flame pools show x` asks for a command that there is not; it is no `ls` with too many arguments. */
export const listCommand = (group: Command): Command =>
  group
    .command('ls', { isDefault: true })
    .allowExcessArguments(true)
    .hook('preAction', (_, list) => {
      const [unknown] = list.args;
      if (unknown === undefined) return;
      const names = group.commands.map((command) => command.name());
      group.error(
        `error: unknown command '${unknown}' of ${group.name()}: there are ${names.join(', ')}.${didYouMean(unknown, names)}`,
      );
    });
