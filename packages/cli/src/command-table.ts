/** The subcommands. Each stands in a file of its own, which is loaded when its name is among the arguments. */
import { Command } from 'commander';

interface Entry {
  readonly name: string;
  readonly description: string;
  load(): Promise<Command>;
}

const ENTRIES: readonly Entry[] = [
  {
    name: 'init',
    description: 'write a config, the flame object and a first function into an application',
    load: async () => (await import('./commands/init.ts')).initCommand(),
  },
  {
    name: 'dev',
    description: 'start what an application needs beside itself: Redis if none is reachable, autoscaler, dashboard',
    load: async () => (await import('./commands/dev.ts')).devCommand(),
  },
  {
    name: 'status',
    description: 'say in words how the app and its pools are; exit code 1 when calls wait that nothing will start',
    load: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'call',
    description: 'call a function on a runner, and print what it returns',
    load: async () => (await import('./commands/call.ts')).callCommand(),
  },
  {
    name: 'calls',
    description: 'look at calls, run failed ones again, stop others',
    load: async () => (await import('./commands/calls.ts')).callsCommand(),
  },
  {
    name: 'pools',
    description: 'look at pools, stop, resume and tune them',
    load: async () => (await import('./commands/pools.ts')).poolsCommand(),
  },
  {
    name: 'limits',
    description: 'look at limits and their keys, and set their numbers',
    load: async () => (await import('./commands/limits.ts')).limitsCommand(),
  },
  {
    name: 'alerts',
    description: 'say what is wrong now, and try whether alerts arrive',
    load: async () => (await import('./commands/alerts.ts')).alertsCommand(),
  },
  {
    name: 'costs',
    description: 'say what machines have cost since it is counted, by pool, purpose and function',
    load: async () => (await import('./commands/costs.ts')).costsCommand(),
  },
  {
    name: 'history',
    description: 'print what is kept of a pool, the oldest first, one JSON object a line',
    load: async () => (await import('./commands/history.ts')).historyCommand(),
  },
  {
    name: 'simulate',
    description: 'show what a pool would do under other settings, by its last hour or a trace',
    load: async () => (await import('./commands/simulate.ts')).simulateCommand(),
  },
  {
    name: 'runners',
    description: 'look at runners, let one end, keep one',
    load: async () => (await import('./commands/runners.ts')).runnersCommand(),
  },
  {
    name: 'dashboard',
    description: 'serve the dashboard: pools, runners, calls, Bull Board, metrics',
    load: async () => (await import('./commands/dashboard.ts')).dashboardCommand(),
  },
  {
    name: 'doctor',
    description: 'check the config, Redis, the function modules and the backends',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  },
  {
    name: 'autoscaler',
    description: 'keep the number of runners of every pool where its policy wants it',
    load: async () => (await import('./commands/autoscaler.ts')).autoscalerCommand(),
  },
  {
    name: 'migrate',
    description: 'tell what changes when workers of BullMQ move to runners; move repeatable jobs of the old kind',
    load: async () => (await import('./commands/migrate.ts')).migrateCommand(),
  },
  {
    name: 'runner',
    description: 'run the calls of one pool on this machine until told to stop',
    load: async () => (await import('./commands/runner.ts')).runnerCommand(),
  },
];

/** @returns all commands; those that the arguments do not name know their name and description only, for the help */
export const commandsFor = (args: readonly string[]): Promise<readonly Command[]> =>
  Promise.all(
    ENTRIES.map(async ({ name, description, load }) =>
      (args.includes(name) ? await load() : new Command(name)).description(description),
    ),
  );
