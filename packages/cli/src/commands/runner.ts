/** `flame runner`: what an instance runs. Who it is stands in its environment (FLAME_POOL, FLAME_RUNNER_ID, …). */

import { noSuchPool } from '@flamejs/protocol/suggest';
import type { AppConfig } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';
import { Command } from 'commander';
import { loadApp } from '../load-app.ts';

export const runnerCommand = (): Command =>
  new Command('runner')
    .option('-p, --pool <name>', 'the pool (default: FLAME_POOL)')
    .action(async (options: { pool?: string }, command: Command) => {
      const { config } = command.optsWithGlobals<{ config?: string }>();
      if (options.pool !== undefined) {
        process.env.FLAME_POOL = options.pool;
        // A name that somebody has just typed: told as other mistakes are, and not in the log of a machine.
        checkName(options.pool, await loadApp(command));
      }
      if (config !== undefined) process.env.FLAME_CONFIG = config;
      await import('@flamejs/runner/main');
    });

const checkName = (pool: string, { pools, app }: AppConfig): void => {
  if (Object.hasOwn(pools, pool)) return;
  const message = noSuchPool(pool, Object.keys(pools), app);
  throw new FlameConfigError(message, { problems: [{ path: '--pool', message }] });
};
