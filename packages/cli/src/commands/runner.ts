/** `flame runner`: what an instance runs. Who it is stands in its environment (FLAME_POOL, FLAME_RUNNER_ID, …). */
import { Command } from 'commander';

export const runnerCommand = (): Command =>
  new Command('runner')
    .description('run the calls of one pool on this machine until told to stop')
    .option('-p, --pool <name>', 'the pool (default: FLAME_POOL)')
    .action(async (options: { pool?: string }, command: Command) => {
      const { config } = command.optsWithGlobals<{ config?: string }>();
      if (options.pool !== undefined) process.env.FLAME_POOL = options.pool;
      if (config !== undefined) process.env.FLAME_CONFIG = config;
      await import('@flamejs/runner/main');
    });
