/** The `flame` command. Only the subcommand that is asked for is loaded; errors become one readable message and exit code 1. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { commandsFor } from './command-table.ts';

const program = new Command('flame')
  .description('Runs heavy functions of a TypeScript application on machines that appear when needed.')
  .version(versionOf(), '-V, --version', 'print the version')
  .option('-c, --config <file>', 'the config file (default: flame.config.* here or in a folder above)')
  .showHelpAfterError();

function versionOf(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

for (const command of await commandsFor(process.argv.slice(2))) program.addCommand(command);

// `flame calls ls | head` closes the pipe when it has seen enough; that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

program.parseAsync().catch(async (error: unknown) => {
  const { printError } = await import('./output/print-error.ts');
  printError(error);
  process.exitCode = 1;
});
