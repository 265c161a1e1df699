/** The `flame` command. Each subcommand stands in a file of its own; errors become one readable message and exit code 1. */
import { Command } from 'commander';
import { autoscalerCommand } from './commands/autoscaler.ts';
import { devCommand } from './commands/dev.ts';
import { doctorCommand } from './commands/doctor.ts';
import { runnerCommand } from './commands/runner.ts';
import { printError } from './output/print-error.ts';

const program = new Command('flame')
  .description('Runs heavy functions of a TypeScript application on machines that appear when needed.')
  .option('-c, --config <file>', 'the config file (default: flame.config.* here or in a folder above)')
  .showHelpAfterError();

for (const command of [devCommand, runnerCommand, autoscalerCommand, doctorCommand]) program.addCommand(command());

program.parseAsync().catch((error: unknown) => {
  printError(error);
  process.exitCode = 1;
});
