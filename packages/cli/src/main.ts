/** The `flame` command. Each subcommand stands in a file of its own; errors become one readable message and exit code 1. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { alertsCommand } from './commands/alerts.ts';
import { autoscalerCommand } from './commands/autoscaler.ts';
import { callCommand } from './commands/call.ts';
import { callsCommand } from './commands/calls.ts';
import { costsCommand } from './commands/costs.ts';
import { dashboardCommand } from './commands/dashboard.ts';
import { devCommand } from './commands/dev.ts';
import { doctorCommand } from './commands/doctor.ts';
import { historyCommand } from './commands/history.ts';
import { initCommand } from './commands/init.ts';
import { poolsCommand } from './commands/pools.ts';
import { runnerCommand } from './commands/runner.ts';
import { runnersCommand } from './commands/runners.ts';
import { simulateCommand } from './commands/simulate.ts';
import { statusCommand } from './commands/status.ts';
import { printError } from './output/print-error.ts';

const program = new Command('flame')
  .description('Runs heavy functions of a TypeScript application on machines that appear when needed.')
  .version(versionOf(), '-V, --version', 'print the version')
  .option('-c, --config <file>', 'the config file (default: flame.config.* here or in a folder above)')
  .showHelpAfterError();

function versionOf(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

const commands = [
  initCommand,
  devCommand,
  statusCommand,
  callCommand,
  callsCommand,
  poolsCommand,
  alertsCommand,
  costsCommand,
  historyCommand,
  simulateCommand,
  runnersCommand,
  dashboardCommand,
  doctorCommand,
  autoscalerCommand,
  runnerCommand,
];
for (const command of commands) program.addCommand(command());

// `flame calls ls | head` closes the pipe when it has seen enough; that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

program.parseAsync().catch((error: unknown) => {
  printError(error);
  process.exitCode = 1;
});
